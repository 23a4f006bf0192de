/**
 * The DNS side of discovery: one client, what is known of the zone, and a watch for every upstream that needs one.
 */
import type { Log } from '#telemetry/log.ts'
import type { Bounds } from '../bounds.ts'
import type { Clock } from '../clock.ts'
import { DnsClient } from './client.ts'
import type { DnsPlan } from './plan.ts'
import type { Found, Resolution, Target } from './resolve.ts'
import { resolveTarget } from './resolve.ts'
import type { DnsServer } from './server.ts'
import { Watch } from './watch.ts'
import { Zone } from './zone.ts'

export type DnsInit = {
  readonly servers: readonly DnsServer[]
  /**
   * The servers were named by the operator, not taken from the system. Only then may names of the cluster's zone stand
   * for loopback addresses, as the embedded cluster DNS answers; names outside the zone never may.
   */
  readonly trusted: boolean
  readonly domain: string
  readonly clock: Clock
  readonly random: () => number
  readonly bounds: Bounds
  readonly log: Log
}

export type WatchOrder = {
  readonly upstream: string
  readonly plan: WatchedPlan
  readonly startDelayMs: number
  readonly onUpdate: () => void
}

/** The plans that need questions at all. */
export type WatchedPlan = Extract<DnsPlan, { kind: 'names' | 'external' }>

export class Dns {
  readonly #init: DnsInit
  readonly #client: DnsClient
  readonly #zone: Zone

  constructor(init: DnsInit) {
    this.#init = init
    this.#client = new DnsClient(init)
    this.#zone = new Zone({ domain: init.domain, log: init.log, ask: (question) => this.#client.ask(question) })
  }

  watch({ upstream, plan, startDelayMs, onUpdate }: WatchOrder): Watch {
    const { clock, random, bounds, log } = this.#init
    const warned = new Set<string>()
    const warnOnce = (text: string): void => {
      if (warned.has(text)) return
      warned.add(text)
      log.warn(text, { upstream })
    }
    return new Watch({
      upstream,
      resolve: async (avoid) => {
        const resolution = await this.#resolve(plan, avoid)
        for (const each of resolution.refused) warnOnce(`DNS gave an address that is not used: ${each}`)
        return resolution
      },
      remark: (found) => {
        const { says, certain } = aboutSharing(plan, found)
        if (certain) warnOnce(`${upstream}: ${says}`)
        return says
      },
      diagnose: () => (plan.kind === 'names' ? this.#zone.diagnose() : Promise.resolve('')),
      onUpdate,
      startDelayMs,
      clock,
      random,
      bounds,
      log,
    })
  }

  close(): void {
    this.#client.close()
  }

  async #resolve(plan: WatchedPlan, avoid: string | undefined): Promise<Resolution> {
    if (plan.kind === 'external') return this.#ask(plan.target, avoid)
    const { svc, endpoints } = plan
    if (svc === undefined || endpoints === undefined) return this.#ask((svc ?? endpoints)!, avoid)

    const form = await this.#zone.form()
    if (form !== undefined) return this.#ask(form === 'svc' ? svc : endpoints, avoid)
    const perPod = await this.#ask(endpoints, avoid)
    if (perPod.kind === 'found') this.#zone.speaksEndpoints()
    if (perPod.kind === 'found' || (perPod.kind === 'failed' && perPod.rcode === 'TIMEOUT')) return perPod
    const usual = await this.#ask(svc, avoid)
    const asked = [...perPod.asked, ...usual.asked]
    return perPod.kind === 'failed' && usual.kind === 'nobody' ? { ...perPod, asked } : { ...usual, asked }
  }

  #ask(target: Target, avoid: string | undefined): Promise<Resolution> {
    const { trusted, domain } = this.#init
    return resolveTarget(target, {
      ask: (question) => this.#client.ask(question, avoid),
      mayLoop: (name) => trusted && name.endsWith(`.${domain}`),
    })
  }
}

const shared = 'one address stands for all Pods, so neither their readiness is seen nor are sessions kept on a Pod'

type Sharing = { readonly says: string; readonly certain: boolean }

/** A ClusterIP hides its Pods. Without a Service object a single address of the Service's own name may be one. */
function aboutSharing(plan: WatchedPlan, found: readonly Found[]): Sharing {
  if (plan.kind !== 'names' || plan.svc === undefined) return { says: '', certain: false }
  const own = plan.svc.name
  if (!found.every((each) => each.owner === own)) return { says: '', certain: false }
  if (plan.perPod === false || found.some((each) => each.viaSrv)) return { says: shared, certain: true }
  const perhaps = plan.perPod === 'unknown' && found.length === 1
  return { says: perhaps ? `if that is a ClusterIP, ${shared}` : '', certain: false }
}
