/**
 * The endpoints of one upstream: what discovery says of them, judged by their probes and their failures.
 *
 * The initial delay of a probe counts from the first sight of an endpoint, and only for those that join an upstream we
 * know already: who is there when we first look may have been running for long, and after a restart of ours nobody
 * should wait for that again. They still wait for their first success.
 */
import { isDeepStrictEqual } from 'node:util'
import { endpointState } from '#snapshot/endpoint-state.ts'
import type { EndpointOutcome } from '#snapshot/outcome.ts'
import type { EndpointHealth, EndpointSet, EndpointSpec, ProbeSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Log } from '#telemetry/log.ts'
import type { Clock } from './clock.ts'
import { outlierDefaults } from '#snapshot/outlier-defaults.ts'
import { type OutlierReport, Outliers } from './outlier.ts'
import type { Prober, ProbeReport, ProbeResult } from './prober.ts'

export type GatedUpstreamInit = {
  readonly spec: UpstreamSpec
  readonly prober: Prober
  readonly clock: Clock
  readonly log: Log
  /** Probed at its own port whatever the probe says. */
  readonly isStandIn: (endpoint: EndpointSpec) => boolean
  /** An ejection may be over: judge again. */
  readonly onDue: () => void
}

export type EndpointReport = {
  /** `undefined` when it is not probed. */
  readonly probe: ProbeReport | undefined
  readonly outlier: OutlierReport
}

/** Since the upstream is followed, endpoints that are gone included. */
export type HealthCounts = {
  readonly upstream: string
  readonly ejections: number
  readonly probes: { readonly succeeded: number; readonly failed: number }
}

export type HealthReport = HealthCounts & {
  /** By id, every endpoint of the set. */
  readonly endpoints: ReadonlyMap<string, EndpointReport>
}

/** `at`: milliseconds since the epoch; `undefined` for those who were there when we first looked. */
type Sight = { readonly name: string | undefined; readonly at: number | undefined }

export class GatedUpstream {
  /** What workers are told: the same object for as long as it says the same. */
  set: EndpointSet
  readonly #init: GatedUpstreamInit
  #spec: UpstreamSpec
  /** As discovery gave it. */
  #given: EndpointSet
  readonly #outliers = new Outliers()
  #sights: ReadonlyMap<string, Sight> = new Map()
  /** A first answer of discovery has been seen. */
  #looked = false
  /** By id, those that are ready; since when, for slow start. */
  #ready: ReadonlyMap<string, number | undefined> = new Map()
  #cancel: () => void = () => {}
  #ejections = 0
  readonly #probes = { succeeded: 0, failed: 0 }

  constructor(init: GatedUpstreamInit) {
    this.#init = init
    this.#spec = init.spec
    this.#given = { upstream: init.spec.id, state: 'pending', mode: undefined, endpoints: [] }
    this.set = this.#given
  }

  get probed(): boolean {
    return this.#spec.probe !== undefined
  }

  /** As compiled now. This and all below are true when workers must be told. */
  update(spec: UpstreamSpec): boolean {
    if (spec === this.#spec) return false
    this.#spec = spec
    return this.judge()
  }

  /** As discovered now. */
  discovered(given: EndpointSet): boolean {
    if (given === this.#given) return false
    this.#given = given
    return this.judge()
  }

  note(outcome: EndpointOutcome): boolean {
    this.#outliers.note(outcome.endpoint, outcome)
    return this.judge()
  }

  noteProbe({ endpoint, ok, changed }: ProbeResult): boolean {
    this.#probes[ok ? 'succeeded' : 'failed']++
    if (!changed) return false
    const report = this.#init.prober.report(this.#spec.id, endpoint)
    const fields = { backend: this.#spec.id, endpoint, probe: report?.says }
    if (ok) this.#init.log.info('an endpoint passes its probe', fields)
    else this.#init.log.warn('an endpoint fails its probe', fields)
    return this.judge()
  }

  /** Puts together all that is known now. */
  judge(): boolean {
    const now = this.#init.clock.now()
    this.#look(now)
    const candidates = this.#given.endpoints.filter(isCandidate)
    this.#probe(candidates, now)
    const eligible = candidates.filter((each) => this.#passes(each)).map(({ id }) => id)
    this.#eject(eligible, now)
    const slowly = this.#spec.slowStartMs !== undefined && this.#ready.size > 0
    const ready = eligible.filter((id) => this.#outliers.report(id).ejectedUntil === undefined)
    this.#ready = new Map(ready.map((id) => [id, this.#ready.has(id) ? this.#ready.get(id) : slowly ? now : undefined]))
    return this.#publish()
  }

  report(): HealthReport {
    const endpoints = new Map(this.#given.endpoints.map(({ id }) => [id, this.#reportOf(id)]))
    return { ...this.counts(), endpoints }
  }

  counts(): HealthCounts {
    return { upstream: this.#spec.id, ejections: this.#ejections, probes: { ...this.#probes } }
  }

  /** The set with a sentence for every endpoint. */
  described(): EndpointSet {
    return {
      ...this.set,
      endpoints: this.set.endpoints.map((each) => ({
        ...each,
        health: { ...each.health, says: says(each, this.#reportOf(each.id)) },
      })),
    }
  }

  close(): void {
    this.#cancel()
    this.#init.prober.follow(this.#spec.id, undefined, [])
  }

  #reportOf(id: string): EndpointReport {
    return { probe: this.#init.prober.report(this.#spec.id, id), outlier: this.#outliers.report(id) }
  }

  /** Who is new, who is gone, and who has another name under an address that was used before: another Pod. */
  #look(now: number): void {
    const at = this.#looked ? now : undefined
    const sights = new Map<string, Sight>()
    for (const { id, name } of this.#given.endpoints) {
      const known = this.#sights.get(id)
      const replaced = known?.name !== undefined && name !== undefined && known.name !== name
      if (replaced) this.#forget(id)
      sights.set(id, known === undefined || replaced ? { name, at } : { name: name ?? known.name, at: known.at })
    }
    this.#sights = sights
    this.#outliers.keep(new Set(sights.keys()))
    if (this.#given.state !== 'pending' && this.#given.state !== 'failed') this.#looked = true
  }

  #forget(id: string): void {
    this.#outliers.forget(id)
    this.#init.prober.forget(this.#spec.id, id)
    this.#ready = new Map([...this.#ready].filter(([each]) => each !== id))
  }

  #probe(candidates: readonly EndpointSpec[], now: number): void {
    const { id: upstream, probe } = this.#spec
    const probed = candidates
      .filter((each) => isProbed(each, probe))
      .map((each) => {
        const { id, address, port } = each
        const probePort = this.#init.isStandIn(each) ? port : (probe?.port ?? port)
        const at = this.#sights.get(id)?.at
        const delayMs = at === undefined ? 0 : Math.max(0, at + (probe?.initialDelayMs ?? 0) - now)
        return { id, address, port: probePort, delayMs, trusted: this.#ready.has(id) }
      })
    this.#init.prober.follow(upstream, probe, probed)
  }

  #passes(endpoint: EndpointSpec): boolean {
    const { id, probe } = this.#spec
    return !isProbed(endpoint, probe) || this.#init.prober.report(id, endpoint.id)?.state === 'passing'
  }

  #eject(eligible: readonly string[], now: number): void {
    const { clock, log, onDue } = this.#init
    const { ejected, returned } = this.#outliers.judge(this.#spec.outlier ?? outlierDefaults, eligible, now)
    this.#ejections += ejected.length
    for (const endpoint of ejected) {
      const { consecutiveFailures: failures, ejectedUntil } = this.#outliers.report(endpoint)
      log.warn('an endpoint is ejected', {
        backend: this.#spec.id,
        endpoint,
        failures,
        seconds: Math.round(((ejectedUntil ?? now) - now) / 1000),
      })
    }
    for (const endpoint of returned) log.info('an ejected endpoint comes back', { backend: this.#spec.id, endpoint })
    this.#cancel()
    const next = this.#outliers.nextReturn()
    this.#cancel = next === undefined ? () => {} : clock.setTimer(Math.max(0, next - now), onDue)
  }

  #publish(): boolean {
    const given = this.#given
    const endpoints = given.endpoints.map((each) => this.#gate(each))
    const same = endpoints.every((each, index) => each === given.endpoints[index])
    const next = same ? given : { ...given, endpoints }
    if (next === this.set || isDeepStrictEqual(next, this.set)) return false
    this.set = next
    return true
  }

  #gate(endpoint: EndpointSpec): EndpointSpec {
    if (!isCandidate(endpoint)) return endpoint
    const { probe, outlier } = this.#reportOf(endpoint.id)
    const ready = this.#ready.has(endpoint.id)
    const readySince = this.#ready.get(endpoint.id)
    const health: EndpointHealth = {
      ...(probe && { probe: probe.state }),
      ...(outlier.ejectedUntil !== undefined && { ejectedUntil: outlier.ejectedUntil }),
      ...(readySince !== undefined && { readySince }),
    }
    if (ready && Object.keys(health).length === 0) return endpoint
    // Sessions bound to it go elsewhere, too: whoever does not answer probes or requests serves nobody.
    return { ...endpoint, ready, serving: ready && endpoint.serving, health }
  }
}

/** Only those are probed, judged and ejected that discovery would send requests to. */
function isCandidate({ ready, terminating }: EndpointSpec): boolean {
  return ready && !terminating
}

function isProbed({ port }: EndpointSpec, probe: ProbeSpec | undefined): boolean {
  if (probe === undefined) return false
  return probe.port === undefined || probe.ownPort === undefined || probe.ownPort === port
}

function says(endpoint: EndpointSpec, { probe, outlier }: EndpointReport): string {
  if (outlier.ejectedUntil !== undefined) return 'requests to it failed in a row'
  if (probe?.state === 'waiting')
    return `waits for its first successful probe${probe.says === '' ? '' : `; the last one: ${probe.says}`}`
  if (probe?.state === 'failing') return `fails its probe, ${probe.consecutiveFailures} times in a row: ${probe.says}`
  if (probe?.state === 'passing') return `passes its probe${probe.says === '' ? '' : `: ${probe.says}`}`
  const state = endpointState(endpoint)
  if (state === 'ready') return 'discovery says that it is ready'
  return state === 'draining'
    ? 'terminating: only sessions bound to it still go there'
    : 'discovery says that it is not ready'
}
