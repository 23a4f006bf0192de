/**
 * Wires by endpoint. The one used last is used next, so that the others can grow old and be closed; a wire that says
 * anything, or is closed, while nobody uses it is gone before it can be picked.
 */
import type { Limits } from '#proxy/limits.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { EndpointMemory } from './endpoint-memory.ts'
import { HeadParser } from './parse.ts'
import { Ticker } from './ticker.ts'
import { Wire, type WireHost } from './wire.ts'

type Entry = { readonly idle: Wire[]; readonly memory: EndpointMemory; open: number; retired: boolean }

const readBytes = 64 * 1024
/** A response head has no bound on fields but its bytes; this one is out of every honest endpoint's way. */
const mostFields = 1_024

export class WirePool implements WireHost {
  readonly ticker: Ticker
  readonly parser: HeadParser
  readonly buffer: Buffer
  #limits: Limits
  /** Of all entries. */
  #idle: number
  readonly #entries = new Map<string, Entry>()
  readonly #wires = new Map<Wire, Entry>()

  /** `monotonic`: milliseconds that never go back. */
  constructor(limits: Limits, monotonic: () => number) {
    this.#limits = limits
    this.ticker = new Ticker(monotonic)
    this.parser = new HeadParser({ bytes: limits.responseHeaderBytes, fields: mostFields })
    this.buffer = Buffer.allocUnsafeSlow(readBytes)
    this.#idle = 0
    this.ticker.watch(this.#wires)
  }

  get limits(): Limits {
    return this.#limits
  }

  use(limits: Limits): void {
    this.#limits = limits
  }

  /** A wire to this endpoint, connected or about to be; `undefined` when all it may have are busy. */
  take({ id, spec }: Endpoint, connectMs: number): Wire | undefined {
    const entry = this.#entryOf(id)
    const idle = entry.idle.pop()
    if (idle !== undefined) {
      this.#idle--
      return idle
    }
    if (entry.open >= this.#limits.connectionsPerEndpoint) return undefined
    const wire = new Wire({ address: spec.address, port: spec.port, connectMs, host: this, memory: entry.memory })
    entry.open++
    this.#wires.set(wire, entry)
    return wire
  }

  /** Wires to other endpoints are closed, those in use when their response is complete. */
  keep(ids: ReadonlySet<string>): void {
    for (const [id, entry] of this.#entries) {
      if (ids.has(id)) continue
      this.#entries.delete(id)
      entry.retired = true
      this.#idle -= entry.idle.length
      for (const wire of entry.idle.splice(0)) wire.cut()
    }
  }

  /** Cuts everything, and stops the clock. */
  destroy(): void {
    this.#entries.clear()
    for (const wire of this.#wires.keys()) wire.cut()
    this.ticker.stop()
  }

  onWireIdle(wire: Wire): void {
    const entry = this.#wires.get(wire)
    if (entry === undefined || entry.retired) return wire.cut()
    entry.idle.push(wire)
    // Too many: the one to this endpoint that has idled longest goes, which is this one if it is the only one.
    if (++this.#idle > this.#limits.upstreamIdleConnections) entry.idle[0]!.cut()
  }

  onWireGone(wire: Wire): void {
    const entry = this.#wires.get(wire)
    if (entry === undefined) return
    this.#wires.delete(wire)
    entry.open--
    const at = entry.idle.indexOf(wire)
    if (at < 0) return
    entry.idle.splice(at, 1)
    this.#idle--
  }

  #entryOf(id: string): Entry {
    let entry = this.#entries.get(id)
    if (entry === undefined) this.#entries.set(id, (entry = newEntry()))
    return entry
  }
}

function newEntry(): Entry {
  return { idle: [], memory: new EndpointMemory(), open: 0, retired: false }
}
