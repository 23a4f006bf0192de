/**
 * Keeps one upstream's DNS answer fresh in the background: asks again when the TTL ends, keeps what it knows when the
 * servers fail, hesitates before it believes that everybody or most are gone, and lets endpoints that left finish with
 * the sessions bound to them.
 */
import type { EndpointSpec } from '#snapshot/snapshot.ts'
import type { Log } from '#telemetry/log.ts'
import type { Answer } from '../answer.ts'
import { canonical, endpointAt, none } from '../answer.ts'
import { endpointId } from '../address.ts'
import type { Bounds } from '../bounds.ts'
import type { Clock } from '../clock.ts'
import type { DnsReport } from '../discovery.ts'
import { Leaving } from './leaving.ts'
import type { Found, Resolution } from './resolve.ts'
import { isUnknown } from './resolve.ts'

export type WatchInit = {
  /** For log lines. */
  readonly upstream: string
  /** A whole resolution; with `avoid`, preferably not by that server. Never rejects. */
  readonly resolve: (avoid?: string) => Promise<Resolution>
  /** A remark on what was found, for people; empty for none. */
  readonly remark: (found: readonly Found[]) => string
  /** Why a name may be unknown, asked when it is. Never rejects. */
  readonly diagnose: () => Promise<string>
  readonly onUpdate: () => void
  readonly startDelayMs: number
  readonly clock: Clock
  /** 0 to 1, for jitter. */
  readonly random: () => number
  readonly bounds: Bounds
  readonly log: Log
}

/** `held`: an answer named nobody and is not believed yet. */
type State = 'pending' | 'live' | 'held' | 'stale' | 'empty' | 'failed'

export class Watch {
  /** Settles when the first answer, good or bad, is there or the watch is closed. */
  readonly first: Promise<void>
  readonly #init: WatchInit
  readonly #resolveFirst: () => void
  readonly #leaving: Leaving
  #state: State = 'pending'
  #found: readonly Found[] = []
  #says = 'asked, no answer yet'
  #diagnosis = ''
  #last: Resolution | undefined
  #goodAt = 0
  #answeredAt = 0
  #askedAt = 0
  #nextAt = 0
  #failures = 0
  #empties = 0
  #emptyAt = 0
  #doubts = 0
  #running = false
  #closed = false
  #cancelNext: () => void

  constructor(init: WatchInit) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.first = promise
    this.#resolveFirst = resolve
    this.#init = init
    this.#leaving = new Leaving({ clock: init.clock, drainMs: init.bounds.drainMs, onGone: init.onUpdate })
    this.#cancelNext = (): void => {}
    if (init.startDelayMs > 0) this.#schedule(init.startDelayMs)
    else void this.#run()
  }

  answer(): Answer {
    const says = [this.#says, this.#diagnosis].filter((each) => each !== '').join('; ')
    if (this.#state === 'pending') return { kind: 'pending', says }
    if (this.#state === 'failed') return none(says)
    if (this.#state === 'empty') return { kind: 'answer', state: 'empty', yields: true, endpoints: [], says }
    const state = this.#state === 'live' ? 'live' : 'stale'
    return { kind: 'answer', state, yields: false, endpoints: this.#endpoints(), says }
  }

  reports(): readonly DnsReport[] {
    const asked = new Map((this.#last?.asked ?? []).map((each) => [`${each.type} ${each.name}`, each]))
    return [...asked.values()].map(({ name, type, server, rcode, records, ttlSeconds }) => ({
      name,
      type,
      server,
      rcode,
      records,
      ttlSeconds,
      answeredAt: this.#answeredAt,
      nextRefreshAt: this.#nextAt,
      consecutiveFailures: this.#failures,
    }))
  }

  /** An endpoint does not answer: ask again now, or as soon as the least gap between two such requests allows. */
  suspect(): void {
    if (this.#running || this.#closed) return
    const now = this.#init.clock.now()
    const at = Math.max(now, this.#askedAt + this.#init.bounds.suspectMs)
    if (at < this.#nextAt) this.#schedule(at - now)
  }

  close(): void {
    this.#closed = true
    this.#cancelNext()
    this.#leaving.clear()
    this.#resolveFirst()
  }

  async #run(): Promise<void> {
    this.#running = true
    this.#askedAt = this.#init.clock.now()
    const resolution = await this.#confirmed(await this.#init.resolve())
    if (this.#closed) return
    this.#running = false
    const before = this.#state
    this.#last = resolution
    this.#answeredAt = this.#init.clock.now()
    this.#schedule(this.#take(resolution))
    this.#logChange(before)
    this.#init.onUpdate()
    await this.#explain(before)
    this.#resolveFirst()
  }

  async #explain(before: State): Promise<void> {
    if (this.#state !== 'empty') this.#diagnosis = ''
    if (this.#state !== 'empty' || before === 'empty') return
    this.#diagnosis = await this.#init.diagnose()
    if (!this.#closed) this.#init.onUpdate()
  }

  /** When most endpoints vanish at once, a second answer must agree: a server that has just started knows few. */
  async #confirmed(first: Resolution): Promise<Resolution> {
    if (this.#closed || first.kind !== 'found' || !this.#shrinks(first.found)) return this.#settle(first)
    const second = await this.#init.resolve(first.asked[0]?.server)
    if (second.kind === 'found') return this.#settle(second)
    this.#doubts++
    if (this.#doubts > 1) return this.#settle(first)
    return { kind: 'failed', rcode: 'DOUBTFUL', asked: first.asked, refused: first.refused }
  }

  #settle(resolution: Resolution): Resolution {
    this.#doubts = 0
    return resolution
  }

  #shrinks(found: readonly Found[]): boolean {
    const before = new Set(this.#found.map(idOf))
    const after = new Set(found.map(idOf))
    const gone = [...before].filter((each) => !after.has(each)).length
    return before.size >= 3 && gone / before.size > this.#init.bounds.shrinkShare
  }

  /** Takes the answer over and returns when to ask again, in milliseconds from now. */
  #take(resolution: Resolution): number {
    if (resolution.kind === 'found') return this.#takeFound(resolution)
    if (resolution.kind === 'nobody') return this.#takeNobody(resolution)
    return this.#takeFailure(resolution)
  }

  #takeFound({ found, unknown, ttlSeconds, asked, refused }: Extract<Resolution, { kind: 'found' }>): number {
    const carried = this.#found.filter((each) => isUnknown(each, unknown))
    this.#replace([...found, ...carried])
    this.#state = 'live'
    this.#goodAt = this.#init.clock.now()
    this.#failures = 0
    this.#empties = 0
    const names = [...new Set(found.map((each) => each.owner))]
    const server = asked.at(-1)?.server ?? 'no server'
    const what = names.length === 1 ? names[0]! : `${names.length} names`
    const kept = carried.length === 0 ? '' : `${carried.length} kept from before, for their questions failed`
    const gives = `${server} gives ${this.#found.length} of ${what}, TTL ${ttlSeconds} s`
    this.#says = [gives, ...refused, kept, this.#init.remark(found)].filter((each) => each !== '').join('; ')
    return this.#afterTtl(ttlSeconds, this.#init.bounds.ceilingMs)
  }

  #takeNobody({ rcode, ttlSeconds, asked, refused }: Extract<Resolution, { kind: 'nobody' }>): number {
    const { bounds, clock } = this.#init
    const now = clock.now()
    const next = this.#afterTtl(ttlSeconds, bounds.negativeCeilingMs)
    const names = [...new Set(asked.map((each) => each.name))].join(', ')
    this.#failures = 0
    this.#says = [`${asked.at(-1)?.server ?? 'no server'} gives nobody for ${names} (${rcode})`, ...refused].join('; ')
    if (this.#found.length > 0) {
      if (this.#empties === 0) this.#emptyAt = now
      this.#empties++
      const left = bounds.emptyHoldMs - (now - this.#emptyAt)
      if (this.#empties < bounds.emptyAnswers && left > 0) {
        this.#state = 'held'
        this.#says += ', which is not believed yet'
        return Math.min(next, left)
      }
    }
    this.#found = []
    this.#leaving.clear()
    this.#empties = 0
    this.#state = 'empty'
    return next
  }

  #takeFailure({ rcode, asked, refused }: Extract<Resolution, { kind: 'failed' }>): number {
    const { bounds, clock } = this.#init
    this.#failures++
    const name = asked.at(-1)?.name ?? 'its name'
    this.#says = [`${name} could not be resolved (${rcode}), ${this.#failures} in a row`, ...refused].join('; ')
    if (this.#found.length > 0 && clock.now() - this.#goodAt < bounds.staleCapMs) this.#state = 'stale'
    else if (this.#state !== 'empty') {
      this.#found = []
      this.#leaving.clear()
      this.#state = 'failed'
    }
    return this.#jittered(Math.min(bounds.backoffCeilingMs, bounds.backoffMs * 2 ** Math.min(this.#failures - 1, 20)))
  }

  #replace(found: readonly Found[]): void {
    this.#leaving.update(canonical(this.#found.map(toEndpoint)), new Set(found.map(idOf)))
    this.#found = found
  }

  #endpoints(): readonly EndpointSpec[] {
    return canonical([...this.#found.map(toEndpoint), ...this.#leaving.list()])
  }

  #schedule(ms: number): void {
    this.#cancelNext()
    this.#nextAt = this.#init.clock.now() + ms
    this.#cancelNext = this.#init.clock.setTimer(ms, () => void this.#run())
  }

  #afterTtl(ttlSeconds: number, ceilingMs: number): number {
    const { floorMs } = this.#init.bounds
    return Math.max(floorMs, this.#jittered(Math.min(ceilingMs, Math.max(floorMs, ttlSeconds * 1_000))))
  }

  #jittered(ms: number): number {
    const { bounds, random } = this.#init
    return ms * (1 + bounds.jitter * (2 * random() - 1))
  }

  #logChange(before: State): void {
    if (this.#state === before) return
    const { log, upstream } = this.#init
    const troubled = this.#state === 'stale' || this.#state === 'failed'
    if (troubled) log.warn(`DNS fails: ${this.#says}`, { upstream, state: this.#state })
    else log.info(`DNS: ${this.#says}`, { upstream, state: this.#state })
  }
}

function idOf({ address, port }: Found): string {
  return endpointId(address, port)
}

function toEndpoint({ address, port, priority, weight, owner, viaSrv }: Found): EndpointSpec {
  return endpointAt({ address, port, priority, weight, name: viaSrv ? owner : undefined })
}
