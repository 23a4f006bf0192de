/**
 * The way of an exchange from its route to an endpoint, and on to the next one: chooses the upstream and the endpoint,
 * waits where all are full, decides with retry.ts and the upstream's budget whether to try again, and tells what every
 * attempt says of its endpoint.
 */
import type { Endpoint } from '#upstream/endpoint.ts'
import type { SessionSeal } from '#upstream/session.ts'
import type { Upstream } from '#upstream/upstream.ts'
import { chooseUpstream } from './canary.ts'
import type { Exchange } from './exchange.ts'
import { type Cause, type Failure, failures } from './failure.ts'
import type { Limits } from './limits.ts'
import type { Observer } from './observer.ts'
import { mayRetry, mayRetryStatus } from './retry.ts'
import { type Choice, chooseEndpoint } from './stickiness.ts'

export type AttemptsEnv = {
  readonly now: () => number
  readonly monotonic: () => number
  readonly random: () => number
  readonly later: (ms: number, run: () => void) => () => void
  readonly seal: SessionSeal
  readonly limits: Limits
  readonly observer: Observer
}

export type AttemptsInit = {
  readonly env: AttemptsEnv
  /** No endpoint will answer. */
  readonly onGivenUp: (exchange: Exchange, failure: Failure) => void
  /** Runs what comes later, so that a bug costs one exchange. */
  readonly guard: (exchange: Exchange, step: () => void) => void
}

/** No status below is a `RetryReason`. */
const leastRetried = 400

export class Attempts {
  readonly #env: AttemptsEnv
  readonly #init: AttemptsInit

  constructor(init: AttemptsInit) {
    this.#env = init.env
    this.#init = init
  }

  /** The first attempt. */
  begin(exchange: Exchange): void {
    const upstream = chooseUpstream(exchange, exchange.route!, this.#env)
    if (upstream === undefined) return this.#init.onGivenUp(exchange, { cause: 'no_backend', detail: '' })
    this.#enter(exchange, upstream)
  }

  /**
   * Sends `exchange.sent`, as it is now, to another upstream, whatever has become of the exchange so far: a response
   * that has arrived and is not relayed is dropped. The request body does not go there. Only before anything was said
   * to the client.
   */
  divert(exchange: Exchange, upstream: Upstream): void {
    this.release(exchange)
    exchange.tried = []
    exchange.session = undefined
    exchange.sendsBody = false
    this.#enter(exchange, upstream)
  }

  /** Tries again after a failure, if that may be. */
  retried(exchange: Exchange, failure: Failure): boolean {
    this.release(exchange)
    this.#blame(exchange, failure)
    const verdict = mayRetry(exchange, failure, this.#env.monotonic())
    if (verdict === undefined) return false
    if (verdict.where === 'anywhere') {
      exchange.races++
      exchange.tried = exchange.tried.slice(0, -1)
    }
    return this.#retry(exchange, failure.cause, verdict.charged)
  }

  /** Drops a response and tries again, if its status is a reason to and another endpoint is there. */
  retriedStatus(exchange: Exchange, status: number): boolean {
    if (status < leastRetried || !mayRetryStatus(exchange, status, this.#env.monotonic())) return false
    return this.#retry(exchange, `http_${status}`, true)
  }

  /** A final head has arrived. */
  answered(exchange: Exchange, status: number): void {
    const { endpoint } = exchange
    if (endpoint === undefined) return
    exchange.trace?.attemptAnswered(status)
    endpoint.consecutiveFailures = 0
    const tick = this.#env.monotonic()
    endpoint.observe(tick - exchange.attemptTick, wallTime(exchange, tick))
    this.tellOutcome(exchange, !isSick(status))
  }

  tellOutcome({ upstream, endpoint }: Exchange, ok: boolean): void {
    if (upstream !== undefined && endpoint !== undefined) this.#env.observer.onOutcome(upstream.id, endpoint.id, ok)
  }

  /** Gives back what the exchange holds: its endpoint, or its place in a line. */
  release(exchange: Exchange): void {
    exchange.leaveLine?.()
    exchange.leaveLine = undefined
    if (!exchange.held) return
    exchange.held = false
    exchange.endpoint?.release()
    exchange.upstream?.line.wake()
  }

  #enter(exchange: Exchange, upstream: Upstream): void {
    exchange.upstream = upstream
    upstream.retries.deposit()
    const choice = chooseEndpoint(exchange, upstream)
    if (choice === 'full') this.#wait(exchange, upstream)
    else this.#goOrGiveUp(exchange, upstream, choice)
  }

  #goOrGiveUp(exchange: Exchange, upstream: Upstream, endpoint: Endpoint | undefined): void {
    if (endpoint === undefined) this.#init.onGivenUp(exchange, { cause: upstream.unavailable(), detail: upstream.id })
    else this.#send(exchange, endpoint)
  }

  /** In a short line: a queue that grows would only answer late what nobody waits for any more. */
  #wait(exchange: Exchange, upstream: Upstream): void {
    const { bounds } = upstream.spec
    const { limits, later } = this.#env
    const giveUp = (detail: string): void => this.#init.onGivenUp(exchange, { cause: 'overloaded', detail })
    exchange.delayed = true
    if (upstream.line.length >= (bounds?.pending ?? limits.pendingRequests))
      return giveUp('too many requests wait already')
    const ms = bounds?.pendingMs ?? limits.pendingTimeoutMs
    const cancel = later(ms, () => {
      exchange.leaveLine?.()
      exchange.leaveLine = undefined
      this.#init.guard(exchange, () => giveUp(`no endpoint was free within ${ms} ms`))
    })
    const leave = upstream.line.join(() => {
      const choice: Choice = chooseEndpoint(exchange, upstream)
      if (choice === 'full') return false
      cancel()
      exchange.leaveLine = undefined
      this.#init.guard(exchange, () => this.#goOrGiveUp(exchange, upstream, choice))
      return true
    })
    exchange.leaveLine = () => {
      cancel()
      leave()
    }
  }

  #retry(exchange: Exchange, reason: string, charged: boolean): boolean {
    const { upstream, minted } = exchange
    if (upstream === undefined) return false
    const choice = chooseEndpoint(exchange, upstream)
    const paid = choice instanceof Object && (!charged || upstream.retries.withdraw(this.#env.monotonic()))
    if (!paid) {
      if (choice instanceof Object) exchange.overBudget = true
      // The session that the endpoint's own answer begins, if that is passed on now.
      exchange.minted = minted
      return false
    }
    this.release(exchange)
    exchange.retried = [...exchange.retried, reason]
    this.#send(exchange, choice)
    return true
  }

  #send(exchange: Exchange, endpoint: Endpoint): void {
    const isFirst = exchange.attempts === 0
    // It mostly goes out as it comes in: no time has passed.
    const tick = isFirst && !exchange.delayed ? exchange.startedTick : this.#env.monotonic()
    if (isFirst) exchange.firstAttemptTick = tick
    exchange.attemptTick = tick
    exchange.attempts++
    exchange.tried = exchange.tried.length === 0 ? [endpoint] : [...exchange.tried, endpoint]
    exchange.endpoint = endpoint
    exchange.held = true
    endpoint.acquire(wallTime(exchange, tick))
    exchange.trace?.attemptBegins(exchange, endpoint, tick)
    exchange.transport.send(exchange, endpoint)
  }

  #blame(exchange: Exchange, { cause }: Failure): void {
    const { endpoint, upstream, responding } = exchange
    if (endpoint === undefined || failures[cause].side !== 'upstream') return
    exchange.trace?.attemptFailed(cause, this.#env.monotonic())
    endpoint.consecutiveFailures++
    if (cause === 'upstream_timeout') endpoint.observe(this.#env.monotonic() - exchange.attemptTick, this.#env.now())
    // Being full is our own bound, and what comes after the head has been told already.
    if (cause !== 'upstream_busy' && !responding) this.tellOutcome(exchange, false)
    if (isUnreachable(cause) && upstream !== undefined) this.#env.observer.onSuspect(upstream.id)
  }
}

/** Milliseconds since the epoch at a moment of the monotonic clock, without another look at a clock. */
function wallTime({ startedAt, startedTick }: Exchange, tick: number): number {
  return startedAt + (tick - startedTick)
}

/** Statuses that tell of the endpoint rather than of the request: 501 and 505 would be the same anywhere. */
function isSick(status: number): boolean {
  return status === 500 || (status >= 502 && status <= 504)
}

function isUnreachable(cause: Cause): boolean {
  return cause === 'connect_failed' || cause === 'connect_timeout'
}
