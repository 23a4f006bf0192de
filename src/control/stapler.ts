/**
 * Keeps what is stapled to handshakes: asks the responders of the certificates in use, ahead of time, and forgets what has
 * run out. Handshakes never wait for it. Where nobody wants it nothing is loaded, asked or sent.
 */
import type { Clock } from '#health/clock.ts'
import type { CertificateSpec, Snapshot } from '#snapshot/snapshot.ts'
import type { Staple } from '#snapshot/staple.ts'
import type { Log } from '#telemetry/log.ts'
import type { Question } from './ocsp.ts'

export type StaplerInit = {
  /** Rejects when there is no answer. */
  readonly ask: (responder: string, question: Uint8Array) => Promise<Uint8Array>
  readonly clock: Clock
  readonly log: Log
  /** All there are. */
  readonly onChange: (staples: readonly Staple[]) => void
}

export type StapleCounts = {
  /** Certificates that somebody can be asked about. */
  readonly asked: number
  readonly stapled: number
  /** Since the start. */
  readonly failures: number
}

export class Stapler {
  readonly #init: StaplerInit
  /** By the text of the certificate. */
  readonly #watches = new Map<string, Watch>()
  #failures = 0

  constructor(init: StaplerInit) {
    this.#init = init
  }

  use({ certificates, listener }: Pick<Snapshot, 'certificates' | 'listener'>): void {
    const wanted = new Map(
      listener?.tls?.ocsp === true ? certificates.map((each) => [each.certificate, each] as const) : [],
    )
    let lost = false
    for (const [text, watch] of this.#watches) {
      if (wanted.has(text)) continue
      watch.cancel()
      this.#watches.delete(text)
      lost ||= watch.staple !== undefined
    }
    if (lost) this.#tell()
    for (const [text, spec] of wanted) if (!this.#watches.has(text)) this.#begin(spec)
  }

  /** `undefined` where nobody wants any. */
  counts(): StapleCounts | undefined {
    const watches = [...this.#watches.values()]
    if (watches.length === 0) return undefined
    return {
      asked: watches.filter(({ question }) => typeof question === 'object').length,
      stapled: watches.filter(({ staple }) => staple !== undefined).length,
      failures: this.#failures,
    }
  }

  close(): void {
    for (const { cancel } of this.#watches.values()) cancel()
    this.#watches.clear()
  }

  #begin(spec: CertificateSpec): void {
    const watch: Watch = { id: spec.id, question: undefined, staple: undefined, until: 0, failed: 0, cancel: () => {} }
    this.#watches.set(spec.certificate, watch)
    void this.#refresh(spec.certificate, watch)
  }

  async #refresh(text: string, watch: Watch): Promise<void> {
    const { ask, clock } = this.#init
    if (watch.staple !== undefined && watch.until <= clock.now()) this.#forget(watch)
    try {
      watch.question ??= (await import('./ocsp.ts')).questionOf(text)
      const { question } = watch
      if (typeof question === 'string')
        return this.#init.log.info('nothing is stapled for a certificate', { certificate: watch.id, reason: question })
      const response = await ask(question.responder, question.request)
      // Nobody may want it any more.
      if (this.#watches.get(text) === watch) this.#judge(text, watch, { question, response })
    } catch (error) {
      if (this.#watches.get(text) === watch) this.#fail(text, watch, String(error))
    }
  }

  #judge(text: string, watch: Watch, { question, response }: Answer): void {
    const now = this.#init.clock.now()
    const verdict = question.judge(response, now)
    if (verdict.kind === 'unusable') return this.#fail(text, watch, verdict.reason)
    if (verdict.kind === 'revoked') {
      this.#forget(watch)
      return this.#fail(text, watch, 'the authority has revoked the certificate')
    }
    if (verdict.until - now < shortestMs) return this.#fail(text, watch, 'it runs out at once')
    watch.failed = 0
    watch.until = verdict.until
    watch.staple = { certificate: question.fingerprint, response }
    this.#tell()
    this.#later(text, watch, Math.min(Math.max((verdict.until - now) / 2, shortestMs), longestMs))
  }

  #fail(text: string, watch: Watch, reason: string): void {
    const { log, clock } = this.#init
    this.#failures++
    log.warn('a responder gives nothing to be stapled', { certificate: watch.id, reason })
    const pause = Math.min(shortestMs * 2 ** watch.failed++, failingMs)
    const left = watch.staple === undefined ? Infinity : Math.max(0, watch.until - clock.now())
    this.#later(text, watch, Math.min(pause, left))
  }

  #later(text: string, watch: Watch, ms: number): void {
    watch.cancel = this.#init.clock.setTimer(ms, () => void this.#refresh(text, watch))
  }

  #forget(watch: Watch): void {
    if (watch.staple === undefined) return
    watch.staple = undefined
    this.#tell()
  }

  #tell(): void {
    this.#init.onChange([...this.#watches.values()].flatMap(({ staple }) => (staple === undefined ? [] : [staple])))
  }
}

/** Between two questions about one certificate. */
const shortestMs = 60_000
const longestMs = 12 * 60 * 60_000
/** Where answers do not come. */
const failingMs = 60 * 60_000

type Watch = {
  /** For people. */
  readonly id: string
  /** `undefined` before the first time; a string says why there is none. */
  question: Question | string | undefined
  staple: Staple | undefined
  /** Milliseconds since the epoch. */
  until: number
  /** Times in a row. */
  failed: number
  cancel: () => void
}

type Answer = { readonly question: Question; readonly response: Uint8Array }
