/**
 * One request and its response, from the first byte of the head to the access log. Mutable, of one fixed shape, made by
 * a lane with `Proxy.begin`; filters see it as their `FilterContext`.
 */
import type { BodyCoding } from '#http/content-coding.ts'
import type { RequestHead } from '#http/head.ts'
import type { Admitted, Refusal } from '#http/request.ts'
import type { BodyWatcher, Client, FilterContext } from '#policy/policy.ts'
import type { TimeoutSpec } from '#snapshot/snapshot.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import type { Session } from '#upstream/session.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Connection } from './connection.ts'
import type { Failure } from './failure.ts'
import type { RequestMemory } from './request-memory.ts'
import type { Route } from './route.ts'
import type { Runtime } from './runtime.ts'
import type { Trace } from './trace.ts'
import type { Transport } from './transport.ts'

export type ExchangeInit = {
  readonly received: RequestHead
  readonly connection: Connection
  readonly transport: Transport
  /** The newest runtime; the exchange keeps it whatever comes later. */
  readonly runtime: Runtime
  readonly lane: 'general' | 'fast'
  /** The head was also the end of the request, as HTTP/2 can say; in HTTP/1 framing says it. */
  readonly headOnly: boolean
  /** What the lane found when it looked before it committed itself (`Proxy.look`). */
  readonly look?: Look | undefined
}

/** What a request is and where it leads, before anything is done about it. */
export type Look = {
  readonly admitted: Admitted | Refusal
  readonly route: Route | undefined
  readonly memory: RequestMemory
}

export class Exchange implements FilterContext {
  readonly received: RequestHead
  readonly connection: Connection
  readonly transport: Transport
  readonly runtime: Runtime
  readonly lane: 'general' | 'fast'
  readonly headOnly: boolean
  readonly look: Look | undefined
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Milliseconds on the monotonic clock. */
  readonly startedTick: number

  client: Client
  /** As routed; empty until the head is admitted. */
  host: string
  path: string
  query: string
  sent: FilterContext['sent']
  admitted: Admitted | undefined
  /** The request has content, of whatever framing. */
  hasBody: boolean
  /** As sent to the endpoint; `undefined` for a request that was refused before that. */
  requestId: string | undefined
  /** Present on routes that are traced. */
  trace: Trace | undefined

  route: Route | undefined
  timeouts: TimeoutSpec
  /** Largest request body, in bytes; 0 for no limit. */
  maxBodyBytes: number
  upstream: Upstream | undefined
  /** The endpoint of the attempt under way, or of the last one. */
  endpoint: Endpoint | undefined
  /** Endpoints that are not asked again. */
  tried: readonly Endpoint[]
  /** Something was waited for between the head and the first attempt. */
  delayed: boolean
  attempts: number
  /** Attempts that a dead kept-alive connection cost. */
  races: number
  /** Why each further attempt was made: cause codes, and `http_503` for a status. */
  retried: readonly string[]
  /** A retry was in order, but the upstream's budget was spent. */
  overBudget: boolean
  /** When the first and the last attempt began, on the monotonic clock. */
  firstAttemptTick: number
  attemptTick: number
  /** What the request's cookie says, when it is one of ours for an upstream of this route. */
  session: Session | undefined
  /** The session that a response of the endpoint of this moment begins or renews. */
  minted: Session | undefined
  /** Leaves the line of those who wait for an endpoint with room; `undefined` while not in one. */
  leaveLine: (() => void) | undefined
  /** Called once when the exchange is over. */
  cancels: readonly (() => void)[]
  /** The body, if there is one, is part of what is sent. */
  sendsBody: boolean
  /** For the lane to set: everything of the body that was read from the client could be sent again. */
  replayable: boolean
  /** Whether `endpoint` is acquired. */
  held: boolean

  /** How the body of the endpoint's answer is encoded on its way to the client; `undefined` for as it is. */
  coding: BodyCoding | undefined
  /** Status sent to the client; 0 while there is none. */
  status: number
  /** Status the endpoint answered with; 0 while there is none. */
  upstreamStatus: number
  /** Body bytes read from the client and written to it. */
  requestBytes: number
  responseBytes: number
  /** Interim responses of the endpoint so far. */
  interims: number
  /** What the client was told, or what broke the response. */
  failure: Failure | undefined
  /** Filters that want the request body, until it has ended. */
  watchers: readonly BodyWatcher[]
  /** Request filters that were called. */
  filtered: number
  /** A default backend was asked in place of an error. */
  turned: boolean
  /** A final head went to the transport: nothing else can be said to this client. */
  responding: boolean
  finished: boolean
  /** From `startedTick` to the last byte; set when finished. */
  durationMs: number

  constructor(init: ExchangeInit, startedAt: number, startedTick: number) {
    this.received = init.received
    this.connection = init.connection
    this.transport = init.transport
    this.runtime = init.runtime
    this.lane = init.lane
    this.headOnly = init.headOnly
    this.look = init.look
    this.startedAt = startedAt
    this.startedTick = startedTick
    this.client = init.connection
    this.host = ''
    this.path = ''
    this.query = ''
    this.sent = nothingSent
    this.admitted = undefined
    this.hasBody = false
    this.requestId = undefined
    this.trace = undefined
    this.route = undefined
    this.timeouts = noTimeouts
    this.maxBodyBytes = 0
    this.upstream = undefined
    this.endpoint = undefined
    this.tried = none
    this.delayed = false
    this.attempts = 0
    this.races = 0
    this.retried = none
    this.overBudget = false
    this.firstAttemptTick = 0
    this.attemptTick = 0
    this.session = undefined
    this.minted = undefined
    this.leaveLine = undefined
    this.cancels = none
    this.sendsBody = true
    this.replayable = false
    this.held = false
    this.coding = undefined
    this.status = 0
    this.upstreamStatus = 0
    this.requestBytes = 0
    this.responseBytes = 0
    this.interims = 0
    this.failure = undefined
    this.watchers = none
    this.filtered = 0
    this.turned = false
    this.responding = false
    this.finished = false
    this.durationMs = 0
  }

  watchBody(watcher: BodyWatcher): boolean {
    if (this.hasBody) this.watchers = [...this.watchers, watcher]
    return this.hasBody
  }

  /** For the lane: a piece of the request body, when it is read from the client; not when it is sent again. */
  tellBody(bytes: Buffer): void {
    for (const watcher of this.watchers) watcher.onBody(bytes)
  }

  /** For the lane when the body was received to its end, and for the proxy when the exchange is over. */
  tellBodyEnd(complete: boolean): void {
    const { watchers } = this
    this.watchers = none
    for (const watcher of watchers) watcher.onBodyEnd(complete)
  }
}

/** Lists are mostly empty, and replaced where they are not. */
const none: readonly never[] = []
/** Replaced, never changed, once there is a route. */
const nothingSent: FilterContext['sent'] = { method: '', target: '', fields: [] }
const noTimeouts: TimeoutSpec = { connectMs: 0, sendMs: 0, readMs: 0 }
