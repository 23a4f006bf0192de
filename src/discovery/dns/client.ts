/**
 * One question, several servers: the one that answered last is asked first; whoever is silent for a moment is joined by
 * the next, whoever fails is replaced at once, and the first good answer wins. So a dead server costs a moment, once.
 * The same question asked twice at the same time is one question.
 */
import type { Clock } from '../clock.ts'
import type { DnsMessage, Question } from './message.ts'
import { invalidName } from './message.ts'
import type { DnsServer, Outcome } from './server.ts'
import { askServer, printServer } from './server.ts'

/**
 * `answer`: NOERROR or NXDOMAIN. `failure`: nobody gave one; `rcode` is the last server's, or `TIMEOUT`, `NOSERVER`,
 * `BADNAME`, `CLOSED`, or the system's error code.
 */
export type Reply =
  | { readonly kind: 'answer'; readonly server: string; readonly message: DnsMessage }
  | { readonly kind: 'failure'; readonly server: string | undefined; readonly rcode: string }

export type DnsClientInit = {
  readonly servers: readonly DnsServer[]
  readonly clock: Clock
  readonly bounds: { readonly concurrency: number; readonly hedgeMs: number; readonly timeoutMs: number }
}

export class DnsClient {
  readonly #init: DnsClientInit
  readonly #flights = new Map<string, Promise<Reply>>()
  readonly #waiting: (() => void)[] = []
  readonly #cancels = new Set<() => void>()
  #busy = 0
  #preferred: DnsServer | undefined
  #closed = false

  constructor(init: DnsClientInit) {
    this.#init = init
    this.#preferred = init.servers[0]
  }

  /** Never rejects. `avoid` asks another server than that one first, for a second opinion. */
  ask(question: Question, avoid?: string): Promise<Reply> {
    if (this.#closed) return Promise.resolve(failure('CLOSED'))
    if (this.#init.servers.length === 0) return Promise.resolve(failure('NOSERVER'))
    if (invalidName(question.name) !== undefined) return Promise.resolve(failure('BADNAME'))
    const key = `${question.type} ${question.name} ${avoid ?? ''}`
    const known = this.#flights.get(key)
    if (known !== undefined) return known
    const flight = this.#queued(question, avoid).finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    return flight
  }

  /** Everything under way fails with `CLOSED`; no socket or timer is left. */
  close(): void {
    this.#closed = true
    for (const cancel of this.#cancels) cancel()
    for (const start of this.#waiting.splice(0)) start()
  }

  async #queued(question: Question, avoid: string | undefined): Promise<Reply> {
    if (this.#busy < this.#init.bounds.concurrency) this.#busy++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return this.#closed ? failure('CLOSED') : await this.#race(question, avoid)
    } finally {
      // Whoever waits takes over this place, so that nobody can slip in between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#busy--
      else next()
    }
  }

  #order(avoid: string | undefined): readonly DnsServer[] {
    const rank = (each: DnsServer): number => (printServer(each) === avoid ? 2 : each === this.#preferred ? 0 : 1)
    return this.#init.servers.toSorted((a, b) => rank(a) - rank(b))
  }

  #race(question: Question, avoid: string | undefined): Promise<Reply> {
    const { promise, resolve } = Promise.withResolvers<Reply>()
    const race = new Race({ ...this.#init, question, servers: this.#order(avoid) }, (reply, server) => {
      this.#cancels.delete(cancel)
      // Who was asked for a second opinion is not therefore the better server.
      if (server !== undefined && avoid === undefined) this.#preferred = server
      resolve(reply)
    })
    const cancel = (): void => race.finish(failure('CLOSED'))
    this.#cancels.add(cancel)
    race.start()
    return promise
  }
}

type RaceInit = DnsClientInit & { readonly question: Question }

/** Every server twice at most, the second time in case a datagram was lost. */
class Race {
  readonly #init: RaceInit
  readonly #done: (reply: Reply, winner: DnsServer | undefined) => void
  readonly #tries: DnsServer[]
  readonly #failed = new Set<DnsServer>()
  readonly #open = new Set<() => void>()
  #last: Reply = failure('TIMEOUT')
  #cancelHedge = (): void => {}
  #cancelDeadline = (): void => {}
  #finished = false

  constructor(init: RaceInit, done: (reply: Reply, winner: DnsServer | undefined) => void) {
    this.#init = init
    this.#done = done
    this.#tries = [...init.servers, ...init.servers]
  }

  start(): void {
    const { clock, bounds } = this.#init
    this.#cancelDeadline = clock.setTimer(bounds.timeoutMs, () => this.finish(failure('TIMEOUT')))
    this.#next()
  }

  finish(reply: Reply, winner?: DnsServer): void {
    if (this.#finished) return
    this.#finished = true
    this.#cancelHedge()
    this.#cancelDeadline()
    for (const cancel of this.#open) cancel()
    this.#done(reply, winner)
  }

  /** Starts one more try; when none is left and none is open, the race is lost. */
  #next(): void {
    this.#cancelHedge()
    while (this.#tries.length > 0 && this.#failed.has(this.#tries[0]!)) this.#tries.shift()
    const server = this.#tries.shift()
    if (server === undefined) {
      if (this.#open.size === 0) this.finish(this.#last)
      return
    }
    const { clock, bounds, question } = this.#init
    const cancel = askServer(question, server, (outcome) => {
      this.#open.delete(cancel)
      this.#onOutcome(server, outcome)
    })
    this.#open.add(cancel)
    this.#cancelHedge = clock.setTimer(bounds.hedgeMs, () => this.#next())
  }

  #onOutcome(server: DnsServer, outcome: Outcome): void {
    if (this.#finished) return
    if (outcome.kind === 'message' && isAnswer(outcome.message)) {
      return this.finish({ kind: 'answer', server: printServer(server), message: outcome.message }, server)
    }
    const rcode = outcome.kind === 'message' ? outcome.message.rcode : outcome.code
    this.#last = { kind: 'failure', server: printServer(server), rcode }
    this.#failed.add(server)
    this.#next()
  }
}

function isAnswer({ rcode }: DnsMessage): boolean {
  return rcode === 'NOERROR' || rcode === 'NXDOMAIN'
}

function failure(rcode: string): Reply {
  return { kind: 'failure', server: undefined, rcode }
}
