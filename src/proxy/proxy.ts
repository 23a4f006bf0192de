/**
 * The life of a request, the same in every lane: admitted, routed, filtered, sent, answered, finished. Everything here
 * is decision; bytes move in the lanes, which report four events and obey four verbs (transport.ts). Synchronous until
 * a filter really waits.
 */
import { resolveClient } from '#http/forwarded.ts'
import type { ResponseHead } from '#http/head.ts'
import { type Admitted, admitRequest } from '#http/request.ts'
import { admitResponse, downstreamFields } from '#http/response.ts'
import { preparedFields, requestIdOf, withAuthority } from '#http/upstream-fields.ts'
import type { Reply } from '#policy/policy.ts'
import { serverName } from '#policy/server-field.ts'
import type { Log } from '#telemetry/log.ts'
import type { SessionSeal } from '#upstream/session.ts'
import { Attempts } from './attempts.ts'
import type { Connection } from './connection.ts'
import { pageForFailure, pageForStatus } from './error-page.ts'
import { boundIdleness, boundRequest, type DeadlineEnv } from './deadlines.ts'
import { Exchange, type ExchangeInit, type Look } from './exchange.ts'
import { type Failure, failures } from './failure.ts'
import { grpcReply, isGrpc } from './grpc-reply.ts'
import type { Limits } from './limits.ts'
import type { Observer } from './observer.ts'
import { replyFor } from './reply.ts'
import type { Prepared, RequestMemory, ScannedHead } from './request-memory.ts'
import { clientFields, type JudgedHead } from './response-memory.ts'
import type { Route } from './route.ts'
import type { Runtime } from './runtime.ts'
import { sessionCookie } from './stickiness.ts'
import type { Tracer } from './trace.ts'

/** What the proxy needs from the world. Clocks and chance are parameters. */
export type ProxyEnv = {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds that never go back. */
  readonly monotonic: () => number
  /** 0 to 1. */
  readonly random: () => number
  /** Calls back once, after so many milliseconds, unless the result is called before. */
  readonly later: (ms: number, run: () => void) => () => void
  /** Reads and writes the cookies of sessions. */
  readonly seal: SessionSeal
  /** 32 hexadecimal digits. */
  readonly newRequestId: () => string
  /** Send Forwarded (RFC 7239) too. */
  readonly forwardedField: boolean
  /** Put cause codes into replies as X-Genkan-Cause. */
  readonly exposeCause: boolean
  readonly limits: Limits
  readonly observer: Observer
  /** Absent: no route is traced. */
  readonly tracer?: Tracer | undefined
  readonly log: Log
}

export type Glance = ScannedHead & {
  readonly connection: Connection
  readonly runtime: Runtime
  readonly memory: RequestMemory
}

/** What a lane tells the proxy. */
export interface Proxy {
  /** What the request is and where it leads. Changes nothing: for a lane that must know before it commits itself. */
  look(glance: Glance): Look
  /** A request was heard of. Followed by onRequest, or by onFailure when its head could not be read. */
  begin(init: ExchangeInit): Exchange
  onRequest(exchange: Exchange): void
  /** A head from the endpoint; any number of interim ones (below 200) before the final one. */
  onResponse(exchange: Exchange, head: ResponseHead, judged?: JudgedHead): void
  /** May come at any time before onFinish, more than once. */
  onFailure(exchange: Exchange, failure: Failure): void
  /** Exactly once per exchange, on success and abort alike; nothing may follow. */
  onFinish(exchange: Exchange): void
}

export function createProxy(env: ProxyEnv): Proxy {
  return new RequestProxy(env)
}

class RequestProxy implements Proxy {
  readonly #env: ProxyEnv
  readonly #attempts: Attempts
  readonly #deadlines: DeadlineEnv

  constructor(env: ProxyEnv) {
    this.#env = env
    this.#attempts = new Attempts({
      env,
      onGivenUp: (exchange, failure) => this.#fail(exchange, failure),
      guard: (exchange, step) => this.#guard(exchange, step),
    })
    this.#deadlines = { later: env.later, onExpired: (exchange, failure) => this.#expire(exchange, failure) }
  }

  begin(init: ExchangeInit): Exchange {
    const exchange = new Exchange(init, this.#env.now(), this.#env.monotonic())
    this.#env.observer.onStart(exchange)
    return exchange
  }

  look(glance: Glance): Look {
    const { connection, runtime, memory } = glance
    const admitted = memory.admit(glance, runtime.terms.bounds[connection.scheme])
    return { admitted, memory, route: 'cause' in admitted ? undefined : runtime.match(admitted.host, admitted.path) }
  }

  // Each event is guarded where it comes in: a bug costs one exchange, never the worker.
  onRequest(exchange: Exchange): void {
    try {
      this.#request(exchange)
    } catch (error) {
      this.#bug(exchange, error)
    }
  }

  onResponse(exchange: Exchange, head: ResponseHead, judged?: JudgedHead): void {
    try {
      this.#response(exchange, head, judged)
    } catch (error) {
      this.#bug(exchange, error)
    }
  }

  onFailure(exchange: Exchange, failure: Failure): void {
    try {
      if (exchange.finished) return
      if (!this.#attempts.retried(exchange, failure)) this.#fail(exchange, failure)
    } catch (error) {
      this.#bug(exchange, error)
    }
  }

  onFinish(exchange: Exchange): void {
    if (exchange.finished) {
      this.#env.log.error('an exchange finished twice', { route: exchange.route?.spec.id, lane: exchange.lane })
      return
    }
    this.#attempts.release(exchange)
    for (const cancel of exchange.cancels) cancel()
    exchange.finished = true
    exchange.tellBodyEnd(false)
    this.#finishFilters(exchange)
    exchange.durationMs = this.#env.monotonic() - exchange.startedTick
    this.#tellFinished(exchange)
  }

  /** The lane is in the middle of giving its connection the next request: whoever counts and logs must not prevent it. */
  #tellFinished(exchange: Exchange): void {
    try {
      this.#env.observer.onFinish(exchange)
    } catch (error) {
      this.#env.log.error('a finished exchange was not counted or logged', {
        route: exchange.route?.spec.id,
        error: describe(error),
      })
    }
  }

  #request(exchange: Exchange): void {
    const cause = this.#admit(exchange)
    if (cause !== undefined) return this.#fail(exchange, cause)
    const { look } = exchange
    const route = look === undefined ? exchange.runtime.match(exchange.host, exchange.path) : look.route
    if (route === undefined)
      return this.#fail(exchange, { cause: exchange.runtime.generation === 0 ? 'not_ready' : 'no_route', detail: '' })
    this.#enter(exchange, route)
    const { framing } = exchange.admitted!
    if (exchange.maxBodyBytes > 0 && framing.kind === 'length' && framing.bytes > exchange.maxBodyBytes) {
      return this.#fail(exchange, { cause: 'body_too_large', detail: `content-length ${framing.bytes}` })
    }
    this.#filter(exchange, 0)
  }

  #response(exchange: Exchange, head: ResponseHead, judged: JudgedHead | undefined): void {
    if (exchange.finished || exchange.responding) return
    const upgrade = exchange.admitted?.upgrade
    const verdict = judged ?? admitResponse(head, { method: exchange.sent.method, upgrade })
    if ('detail' in verdict) return this.onFailure(exchange, { cause: 'upstream_protocol', detail: verdict.detail })
    if (head.status < 200 && head.status !== 101) return this.#interim(exchange, head)
    exchange.upstreamStatus = head.status
    this.#attempts.answered(exchange, head.status)
    if (this.#attempts.retriedStatus(exchange, head.status)) return
    const page = pageForStatus(exchange, head.status)
    if (page !== undefined) return this.#attempts.divert(exchange, page)
    this.#makeDownstream(exchange, head, judged)
    const { streamIdleMs } = exchange.timeouts
    if (streamIdleMs !== undefined && head.status !== 101) boundIdleness(exchange, streamIdleMs, this.#deadlines)
    // What answers a handshake goes through no encoder of a lane.
    const encoder = upgrade === undefined ? exchange.route?.encoder : undefined
    if (encoder !== undefined) exchange.coding = encoder.encode(exchange.received, head)
    exchange.responding = true
    exchange.status = head.status
    exchange.transport.relay(exchange, head)
  }

  /** Makes the endpoint's head the one for the client. */
  #makeDownstream(exchange: Exchange, head: ResponseHead, judged: JudgedHead | undefined): void {
    const known = judged?.memory.fields(head)
    head.fields = known ?? clientFields(head, { upgrade: exchange.admitted?.upgrade })
    const { minted, route } = exchange
    if (minted === undefined && route?.responseFilters.length === 0 && route.encoder === undefined) return
    if (known !== undefined) head.fields = known.slice()
    this.#filterResponse(exchange, head)
    const cookie = sessionCookie(exchange, this.#env)
    if (cookie !== undefined) head.fields.push('Set-Cookie', cookie)
  }

  #admit(exchange: Exchange): Failure | undefined {
    const { received, connection, look, runtime } = exchange
    const admitted = look?.admitted ?? admitRequest(received, runtime.terms.bounds[connection.scheme])
    if ('cause' in admitted) return admitted
    exchange.admitted = admitted
    exchange.hasBody = hasBody(admitted, exchange.headOnly)
    exchange.host = admitted.host
    exchange.path = admitted.path
    exchange.query = admitted.query
    return undefined
  }

  /** From here on the exchange belongs to a route. */
  #enter(exchange: Exchange, route: Route): void {
    const { received, look, runtime } = exchange
    const prepared = look?.memory.prepared(received, runtime.terms.forwarding) ?? this.#prepare(exchange)
    const id = prepared.ownId ?? this.#env.newRequestId()
    exchange.client = prepared.client
    exchange.requestId = id
    exchange.route = route
    exchange.timeouts = route.timeouts
    exchange.maxBodyBytes = route.maxBodyBytes
    exchange.upstream = route.upstream
    if (route.timeouts.requestMs !== undefined) boundRequest(exchange, route.timeouts.requestMs, this.#deadlines)
    const fields = this.#fieldsOf(exchange, prepared, id)
    exchange.sent = { method: received.method, target: exchange.admitted!.target, fields }
    if (route.tracing !== undefined) this.#trace(exchange, fields)
  }

  #fieldsOf({ admitted }: Exchange, { client, authority, fields: known }: Prepared, id: string): string[] {
    const fields = known.slice()
    const own = admitted!.authority
    if (own !== authority) withAuthority(fields, own, client, { forwarded: this.#env.forwardedField })
    fields[fields.length - 1] = id
    return fields
  }

  /** Until there is an attempt, whoever is asked about the request is told of the exchange itself. */
  #trace(exchange: Exchange, fields: string[]): void {
    const trace = this.#env.tracer?.begin(exchange)
    exchange.trace = trace
    trace?.mark(fields, trace.spanId)
  }

  /** What follows from the fields alone, for this request and the next ones that have the same. */
  #prepare({ received, connection, admitted, look, runtime }: Exchange): Prepared {
    const { forwardedField: forwarded } = this.#env
    const { forwarding } = runtime.terms
    const client = resolveClient(connection, received.fields, forwarding.trusts, forwarding)
    const ownId = requestIdOf(received.fields)
    const fields = preparedFields(received, admitted!, client, { ...forwarding, forwarded })
    const prepared = { client, ownId, authority: admitted!.authority, fields, forwarding }
    look?.memory.keep(received, prepared)
    return prepared
  }

  #filter(exchange: Exchange, from: number): void {
    const filters = exchange.route!.requestFilters
    for (let at = from; at < filters.length; at++) {
      exchange.filtered = at + 1
      const verdict = filters[at]!(exchange)
      if (verdict === undefined) continue
      if (verdict instanceof Promise) return this.#await(exchange, verdict, at + 1)
      return this.#reply(exchange, verdict)
    }
    this.#attempts.begin(exchange)
  }

  /** Each for itself, so that a bug in one policy takes nothing that another has to give back. */
  #finishFilters(exchange: Exchange): void {
    for (let at = 0; at < exchange.filtered; at++) {
      const onFinish = exchange.route!.finishers[at]
      if (onFinish !== undefined) this.#guardFinish(exchange, onFinish)
    }
  }

  /** The client may have left while the filter waited. */
  #await(exchange: Exchange, verdict: Promise<Reply | undefined>, next: number): void {
    verdict.then(
      (reply) =>
        this.#guard(exchange, () => {
          if (exchange.finished || exchange.responding) return
          exchange.delayed = true
          if (reply === undefined) this.#filter(exchange, next)
          else this.#reply(exchange, reply)
        }),
      (error: unknown) => this.#bug(exchange, error),
    )
  }

  #interim(exchange: Exchange, head: ResponseHead): void {
    exchange.interims++
    if (exchange.interims > this.#env.limits.interimResponses) {
      return this.onFailure(exchange, { cause: 'upstream_protocol', detail: 'too many interim responses' })
    }
    head.fields = downstreamFields(head)
    exchange.transport.relay(exchange, head)
  }

  #filterResponse(exchange: Exchange, head: ResponseHead): void {
    if (exchange.route === undefined) return
    for (const filter of exchange.route.responseFilters) filter(exchange, head)
  }

  #reply(exchange: Exchange, { status, fields, body, cause, detail = '' }: Reply): void {
    const head: ResponseHead = { status, reason: '', fields: [...fields, 'Server', serverName] }
    if (cause !== undefined) {
      exchange.failure ??= { cause, detail }
      if (this.#env.exposeCause) head.fields.push('X-Genkan-Cause', cause)
    }
    this.#filterResponse(exchange, head)
    this.#answer(exchange, { status: head.status, fields: head.fields, body })
  }

  #answer(exchange: Exchange, reply: Reply): void {
    const spoken = isGrpc(exchange.received) ? grpcReply(reply) : reply
    exchange.responding = true
    exchange.status = spoken.status
    exchange.transport.reply(exchange, spoken)
  }

  /** The end of the road: answer for it, or break off when an answer has begun or nobody is left to hear it. */
  #fail(exchange: Exchange, failure: Failure): void {
    exchange.failure ??= failure
    const page = pageForFailure(exchange, failure)
    if (page !== undefined) return this.#attempts.divert(exchange, page)
    if (exchange.responding || failures[failure.cause].status === 0) {
      exchange.responding = true
      exchange.transport.abort(exchange)
    } else {
      this.#reply(exchange, replyFor(failure.cause, this.#env.exposeCause))
    }
  }

  /** Its time is up. An endpoint that had the request and said nothing was at least a part of why. */
  #expire(exchange: Exchange, failure: Failure): void {
    this.#guard(exchange, () => {
      if (exchange.finished) return
      if (exchange.held && !exchange.responding) this.#attempts.tellOutcome(exchange, false)
      this.#attempts.release(exchange)
      this.#fail(exchange, failure)
    })
  }

  /** For what comes later than the events. */
  #guard(exchange: Exchange, step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#bug(exchange, error)
    }
  }

  #guardFinish(exchange: Exchange, onFinish: (context: Exchange) => void): void {
    try {
      onFinish(exchange)
    } catch (error) {
      this.#env.log.error('a policy failed to finish', { route: exchange.route?.spec.id, error: describe(error) })
    }
  }

  #bug(exchange: Exchange, error: unknown): void {
    this.#env.log.error('an exchange failed on a bug', { route: exchange.route?.spec.id, error: describe(error) })
    if (exchange.finished) return
    const answer = exchange.responding ? undefined : replyFor('internal', this.#env.exposeCause)
    exchange.failure ??= { cause: 'internal', detail: String(error) }
    if (answer !== undefined) return this.#answer(exchange, answer)
    exchange.responding = true
    exchange.transport.abort(exchange)
  }
}

function hasBody({ framing }: Admitted, headOnly: boolean): boolean {
  if (headOnly) return false
  return framing.kind === 'length' ? framing.bytes > 0 : framing.kind !== 'none'
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
