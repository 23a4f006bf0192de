/**
 * Stands between discovery and the workers: an endpoint that discovery calls ready becomes ready only when its probe
 * passes and it is not ejected for its failures. It never makes an endpoint ready that discovery does not.
 *
 * When every endpoint of an upstream fails its probe, nobody is ready and requests are answered with 503
 * (no_ready_endpoints), as in Kubernetes: a probe is the operator's own word on where requests may go, so there is no
 * panic mode. Ejection is only a guess, and so it always leaves somebody.
 */
import type { EndpointOutcome } from '#snapshot/outcome.ts'
import type { EndpointSet, EndpointSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Log } from '#telemetry/log.ts'
import type { Clock } from './clock.ts'
import { GatedUpstream, type HealthCounts, type HealthReport } from './gated-upstream.ts'
import type { ProbeOnce } from './probe.ts'
import { Prober, type ProbeResult } from './prober.ts'

export type HealthGateInit = {
  readonly clock: Clock
  /** 0 to 1, for jitter. */
  readonly random: () => number
  readonly probe: ProbeOnce
  /** The sets that changed, each as a whole; never called after `close`. */
  readonly onChange: (sets: readonly EndpointSet[]) => void
  readonly log: Log
  /** Endpoints that are probed at their own port whatever a probe says: they have no other. Nobody unless given. */
  readonly isStandIn?: (endpoint: Pick<EndpointSpec, 'address' | 'port'>) => boolean
  /** How long `follow` waits for the first probes of new upstreams; `firstProbesMs` unless given. */
  readonly firstProbesMs?: number
}

/** As long as discovery waits for its first answers. */
const firstProbesMs = 1_000

export class HealthGate {
  readonly #init: HealthGateInit
  readonly #prober: Prober
  readonly #upstreams = new Map<string, GatedUpstream>()
  #closed = false

  constructor(init: HealthGateInit) {
    this.#init = init
    const { clock, random, probe } = init
    this.#prober = new Prober({ clock, random, probe, onResult: (result) => this.#onProbe(result) })
  }

  /**
   * Guard these upstreams and no others. `sets` are all that discovery knows of them. Returns once endpoints of new
   * upstreams have been probed for the first time, or after a second, whichever is sooner: a start with probes should
   * not be a second of 503.
   */
  async follow(upstreams: readonly UpstreamSpec[], sets: readonly EndpointSet[]): Promise<void> {
    if (this.#closed) return
    const wanted = new Map(upstreams.map((each) => [each.id, each]))
    for (const id of this.#upstreams.keys()) if (!wanted.has(id)) this.#forget(id)
    const given = new Map(sets.map((set) => [set.upstream, set]))
    const fresh: string[] = []
    const changed: EndpointSet[] = []
    for (const spec of wanted.values()) {
      const known = this.#upstreams.get(spec.id)
      const gated = known ?? this.#gated(spec)
      this.#upstreams.set(spec.id, gated)
      if (known === undefined && gated.probed) fresh.push(spec.id)
      const set = given.get(spec.id)
      // Both, whatever the first says.
      const news = [gated.update(spec), set !== undefined && gated.discovered(set)]
      if (news.includes(true)) changed.push(gated.set)
    }
    this.#push(changed)
    if (fresh.length > 0) await this.#firstProbes(fresh)
  }

  /** Discovery has news. Upstreams that are not followed yet are left to the `follow` that is on its way. */
  discovered(sets: readonly EndpointSet[]): void {
    this.#push(
      sets.flatMap((set) => {
        const gated = this.#upstreams.get(set.upstream)
        return gated?.discovered(set) === true ? [gated.set] : []
      }),
    )
  }

  /** Workers have news. */
  outcomes(outcomes: readonly EndpointOutcome[]): void {
    const changed = new Set<GatedUpstream>()
    for (const outcome of outcomes) {
      const gated = this.#upstreams.get(outcome.upstream)
      if (gated?.note(outcome) === true) changed.add(gated)
    }
    this.#push([...changed].map((each) => each.set))
  }

  /** What workers should know now of every followed upstream; sets that say the same are the same objects. */
  current(): readonly EndpointSet[] {
    return [...this.#upstreams.values()].map((each) => each.set)
  }

  /** The same with a sentence for every endpoint on why it is (not) ready. */
  described(): readonly EndpointSet[] {
    return [...this.#upstreams.values()].map((each) => each.described())
  }

  reports(): readonly HealthReport[] {
    return [...this.#upstreams.values()].map((each) => each.report())
  }

  /** What is counted of one; `undefined` when it is not followed. */
  counts(upstream: string): HealthCounts | undefined {
    return this.#upstreams.get(upstream)?.counts()
  }

  /** What workers should know now of one; `undefined` when it is not followed. */
  setOf(upstream: string): EndpointSet | undefined {
    return this.#upstreams.get(upstream)?.set
  }

  close(): void {
    this.#closed = true
    this.#prober.close()
    for (const id of this.#upstreams.keys()) this.#forget(id)
  }

  #gated(spec: UpstreamSpec): GatedUpstream {
    const { clock, log, isStandIn = () => false } = this.#init
    const gated: GatedUpstream = new GatedUpstream({
      spec,
      prober: this.#prober,
      clock,
      log,
      isStandIn,
      onDue: () => this.#push(gated.judge() ? [gated.set] : []),
    })
    return gated
  }

  #onProbe(result: ProbeResult): void {
    const gated = this.#upstreams.get(result.upstream)
    if (gated?.noteProbe(result) === true) this.#push([gated.set])
  }

  async #firstProbes(upstreams: readonly string[]): Promise<void> {
    const ms = this.#init.firstProbesMs ?? firstProbesMs
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = this.#init.clock.setTimer(ms, resolve, 'hold')
    await Promise.race([late, Promise.all(upstreams.map((each) => this.#prober.firstResults(each, ms)))])
    cancel()
  }

  #forget(id: string): void {
    this.#upstreams.get(id)?.close()
    this.#upstreams.delete(id)
  }

  #push(sets: readonly EndpointSet[]): void {
    if (sets.length > 0) this.#init.onChange(sets)
  }
}
