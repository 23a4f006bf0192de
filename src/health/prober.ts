/**
 * Keeps asking endpoints whether they are ready: each at its own times, never too many at once. Knows nothing of what
 * follows from the answers. The network, time and chance are parameters.
 */
import { isDeepStrictEqual } from 'node:util'
import type { EndpointSpec, ProbeSpec } from '#snapshot/snapshot.ts'
import type { Clock } from './clock.ts'
import type { ProbeOnce, ProbeOutcome } from './probe.ts'
import { type ProbeState, Verdict } from './verdict.ts'

export type ProberInit = {
  readonly clock: Clock
  /** 0 to 1. */
  readonly random: () => number
  readonly probe: ProbeOnce
  readonly onResult: (result: ProbeResult) => void
  /** Probes under way at the same time; `defaultConcurrency` unless given. */
  readonly concurrency?: number
}

/** `changed`: its state is another one now. */
export type ProbeResult = {
  readonly upstream: string
  readonly endpoint: string
  readonly ok: boolean
  readonly changed: boolean
}

export type Probed = Pick<EndpointSpec, 'id' | 'address'> & {
  /** Where it is asked. */
  readonly port: number
  /** Before the first probe. */
  readonly delayMs: number
  /** It has been serving until now: it passes until it fails, instead of waiting for its first success. */
  readonly trusted: boolean
}

export type ProbeReport = {
  readonly state: ProbeState
  /** Milliseconds since the epoch, when the last result came; 0 for never. */
  readonly lastAt: number
  /** `undefined` before the first result. */
  readonly lastOk: boolean | undefined
  /** What the last probe saw, for people; empty before the first. */
  readonly says: string
  /** Failures in a row up to now. */
  readonly consecutiveFailures: number
}

const defaultConcurrency = 128
/** First probes start within this time, so that endpoints that come together are not asked together. */
export const spreadMs = 250
/** Share by which every period varies, up or down. */
export const periodJitter = 0.1

type Watch = {
  readonly upstream: string
  readonly endpoint: Probed
  readonly spec: ProbeSpec
  readonly verdict: Verdict
  readonly first: PromiseWithResolvers<void>
  /** When the first probe was due. */
  readonly firstAt: number
  lastAt: number
  says: string
  /** Ends what is under way: a timer, a place in the queue, or a probe. */
  stop: () => void
}

export class Prober {
  readonly #init: ProberInit
  readonly #watches = new Map<string, Map<string, Watch>>()
  readonly #queue = new Set<Watch>()
  #running = 0

  constructor(init: ProberInit) {
    this.#init = init
  }

  /** These endpoints of this upstream and no others. What is watched already goes on; a new spec keeps the state. */
  follow(upstream: string, spec: ProbeSpec | undefined, endpoints: readonly Probed[]): void {
    const before = this.#watches.get(upstream) ?? new Map<string, Watch>()
    const after = new Map<string, Watch>()
    if (spec !== undefined) {
      for (const endpoint of endpoints) {
        const known = before.get(endpoint.id)
        const same = known !== undefined && (known.spec === spec || isDeepStrictEqual(known.spec, spec))
        after.set(endpoint.id, same ? known : this.#begin(upstream, spec, endpoint, known))
      }
    }
    for (const [id, watch] of before) if (after.get(id) !== watch) this.#end(watch)
    if (after.size > 0) this.#watches.set(upstream, after)
    else this.#watches.delete(upstream)
  }

  /** The endpoint is not who it was: its history ends, and `follow` starts it anew. */
  forget(upstream: string, endpoint: string): void {
    const watch = this.#watches.get(upstream)?.get(endpoint)
    if (watch === undefined) return
    this.#end(watch)
    this.#watches.get(upstream)?.delete(endpoint)
  }

  report(upstream: string, endpoint: string): ProbeReport | undefined {
    const watch = this.#watches.get(upstream)?.get(endpoint)
    if (watch === undefined) return undefined
    const { verdict, lastAt, says } = watch
    return {
      state: verdict.state,
      lastAt,
      lastOk: verdict.ok,
      says,
      consecutiveFailures: verdict.ok === false ? verdict.run : 0,
    }
  }

  /** Resolves once every endpoint that is due within `ms` has had a first result, or is gone. */
  async firstResults(upstream: string, ms: number): Promise<void> {
    const due = this.#init.clock.now() + ms
    const watches = [...(this.#watches.get(upstream)?.values() ?? [])]
    await Promise.all(watches.filter((each) => each.firstAt <= due).map((each) => each.first.promise))
  }

  close(): void {
    this.#queue.clear()
    for (const watches of this.#watches.values()) for (const watch of watches.values()) this.#end(watch)
    this.#watches.clear()
  }

  #begin(upstream: string, spec: ProbeSpec, endpoint: Probed, known: Watch | undefined): Watch {
    const { clock, random } = this.#init
    const wait = (known === undefined ? endpoint.delayMs : 0) + random() * Math.min(spreadMs, spec.periodMs)
    const verdict = new Verdict(known?.verdict.state ?? (endpoint.trusted ? 'passing' : 'waiting'))
    const first = Promise.withResolvers<void>()
    const history = { lastAt: known?.lastAt ?? 0, says: known?.says ?? '' }
    const watch: Watch = {
      upstream,
      endpoint,
      spec,
      verdict,
      first,
      firstAt: clock.now() + wait,
      ...history,
      stop: () => {},
    }
    this.#schedule(watch, wait)
    return watch
  }

  #end(watch: Watch): void {
    watch.stop()
    watch.first.resolve()
  }

  #schedule(watch: Watch, ms: number): void {
    watch.stop = this.#init.clock.setTimer(ms, () => {
      if (this.#running < (this.#init.concurrency ?? defaultConcurrency)) return this.#run(watch)
      this.#queue.add(watch)
      watch.stop = () => this.#queue.delete(watch)
    })
  }

  #run(watch: Watch): void {
    const { clock, probe } = this.#init
    const { spec, endpoint } = watch
    const startedAt = clock.now()
    const controller = new AbortController()
    let over = false
    const finish = (outcome: ProbeOutcome | undefined): void => {
      if (over) return
      over = true
      cancel()
      controller.abort()
      this.#running--
      if (outcome !== undefined) this.#note(watch, outcome, startedAt)
      this.#runNext()
    }
    this.#running++
    watch.stop = () => finish(undefined)
    const cancel = clock.setTimer(spec.timeoutMs, () =>
      finish({ ok: false, says: `no answer within ${spec.timeoutMs} ms` }),
    )
    const { address, port } = endpoint
    probe(spec, { address, port }, controller.signal).then(finish, (error: unknown) =>
      finish({ ok: false, says: describe(error) }),
    )
  }

  #note(watch: Watch, { ok, says }: ProbeOutcome, startedAt: number): void {
    const { clock, random, onResult } = this.#init
    const { spec, verdict } = watch
    watch.lastAt = clock.now()
    watch.says = says
    const changed = verdict.note(ok, spec)
    // From start to start, so that a slow answer does not slow down the probing.
    const period = spec.periodMs * (1 + periodJitter * (2 * random() - 1))
    this.#schedule(watch, Math.max(0, startedAt + period - clock.now()))
    onResult({ upstream: watch.upstream, endpoint: watch.endpoint.id, ok, changed })
    watch.first.resolve()
  }

  #runNext(): void {
    for (const watch of this.#queue) {
      this.#queue.delete(watch)
      return this.#run(watch)
    }
  }
}

/** Of several addresses or attempts, Node gathers the errors in one without a message. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Errors of sockets and of undici carry a code; others do not, and then it is undefined.
  const { code } = error as Error & { readonly code?: unknown }
  return error.message !== '' ? error.message : typeof code === 'string' ? code : error.name
}
