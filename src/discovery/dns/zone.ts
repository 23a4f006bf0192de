/**
 * What the DNS servers know of the cluster's zone: whether they speak the OpenShift form, and whether it is there.
 */
import type { Log } from '#telemetry/log.ts'
import type { Reply } from './client.ts'
import type { Question } from './message.ts'

export type ZoneInit = {
  readonly domain: string
  readonly ask: (question: Question) => Promise<Reply>
  readonly log: Log
}

export class Zone {
  readonly #init: ZoneInit
  #form: 'svc' | 'endpoints' | undefined
  #probing: Promise<void> | undefined
  #diagnosing: Promise<string> | undefined
  #warned = false

  constructor(init: ZoneInit) {
    this.#init = init
  }

  /**
   * The form to ask in, `undefined` while nothing tells. Every cluster has the Service `default/kubernetes` with
   * endpoints, so one question in each form tells them apart; a zone that has neither is asked in both forms.
   */
  async form(): Promise<'svc' | 'endpoints' | undefined> {
    if (this.#form !== undefined) return this.#form
    this.#probing ??= this.#probe().finally(() => (this.#probing = undefined))
    await this.#probing
    return this.#form
  }

  /** Somebody found endpoints in the OpenShift form: it is spoken here. */
  speaksEndpoints(): void {
    this.#decide('endpoints')
  }

  /** One sentence on why a name may be unknown here. A wrong domain is also logged, once. */
  diagnose(): Promise<string> {
    this.#diagnosing ??= this.#diagnose().finally(() => (this.#diagnosing = undefined))
    return this.#diagnosing
  }

  async #probe(): Promise<void> {
    const { domain, ask } = this.#init
    const [endpoints, svc] = await Promise.all([
      ask({ name: `kubernetes.default.endpoints.${domain}`, type: 'A' }),
      ask({ name: `kubernetes.default.svc.${domain}`, type: 'A' }),
    ])
    if (hasRecords(endpoints)) this.#decide('endpoints')
    else if (endpoints.kind === 'answer' && hasRecords(svc)) this.#decide('svc')
  }

  #decide(form: 'svc' | 'endpoints'): void {
    if (this.#form !== undefined) return
    this.#form = form
    const { domain, log } = this.#init
    log.info(`Services are looked up as <service>.<namespace>.${form}.${domain}`, { dnsForm: form })
  }

  async #diagnose(): Promise<string> {
    const { domain, ask, log } = this.#init
    const own = await ask({ name: `dns-version.${domain}`, type: 'TXT' })
    if (own.kind === 'failure') return `the zone ${domain} could not be checked (${own.rcode})`
    if (hasRecords(own)) return `the zone ${domain} is there, so it is the Service that it does not know`
    const usual = domain === 'cluster.local' ? undefined : await ask({ name: 'dns-version.cluster.local', type: 'TXT' })
    const elsewhere = usual !== undefined && hasRecords(usual)
    const hint = elsewhere ? '; cluster.local is there: is the cluster domain right?' : ''
    const says = `${own.server} knows no cluster zone ${domain} (dns-version.${domain} has no answer)${hint}`
    if (!this.#warned) log.warn(says, { clusterDomain: domain })
    this.#warned = true
    return says
  }
}

function hasRecords(reply: Reply): boolean {
  return reply.kind === 'answer' && reply.message.answers.length > 0
}
