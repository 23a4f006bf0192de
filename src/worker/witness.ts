/**
 * Who watches the exchanges of a worker: counts them, and writes the access log when there is one.
 */
import type { Exchange } from '#proxy/exchange.ts'
import type { Observer } from '#proxy/observer.ts'
import { type AccessAsked, type AccessRecord, printAsked } from '#telemetry/access-line.ts'
import type { Stream } from '#proxy/stream.ts'
import type { AccessLog } from '#telemetry/access-log.ts'
import type { Tally } from '#telemetry/tally.ts'
import { AskedTexts } from './asked-texts.ts'
import type { Tracing } from './tracing.ts'

export type WitnessInit = {
  readonly tally: Tally
  readonly accessLog: AccessLog | undefined
  readonly tracing?: Tracing | undefined
  readonly onSuspect: (upstream: string) => void
  readonly onOutcome: (upstream: string, endpoint: string, ok: boolean) => void
}

export function createWitness({ tally, accessLog, tracing, onSuspect, onOutcome }: WitnessInit): Observer {
  const asked = new AskedTexts()
  return {
    onConnectionOpened: (scheme) => tally.connectionOpened(scheme),
    onConnectionClosed: (scheme) => tally.connectionClosed(scheme),
    onConnectionRefused: (scheme) => tally.connectionRefused(scheme),
    onProxyHeaderRefused: (scheme) => tally.proxyHeaderRefused(scheme),
    onUnfit: (reason) => tally.handedOver(reason),
    onStreamBegun: () => tally.streamBegun(),
    onStreamEnded: (stream) => {
      tally.streamEnded({
        backend: stream.upstream?.id ?? '',
        cause: stream.failure?.cause ?? '',
        sentBytes: stream.sentBytes,
        receivedBytes: stream.receivedBytes,
      })
      if (accessLog !== undefined && stream.spec.logged !== false)
        accessLog.write(recordOfStream(stream), printAsked(askedOfStream(stream)))
    },
    onTunnel: (delta) => tally.tunnel(delta),
    onStart: () => tally.started(),
    onFinish: (exchange) => {
      tally.finished({
        route: exchange.route?.id ?? '',
        routeNumber: exchange.route?.number ?? 0,
        backend: exchange.upstream?.id ?? '',
        status: exchange.status,
        cause: exchange.failure?.cause ?? '',
        durationMs: exchange.durationMs,
        requestBytes: exchange.requestBytes,
        responseBytes: exchange.responseBytes,
        retried: exchange.retried,
        overBudget: exchange.overBudget,
      })
      if (accessLog !== undefined && isLogged(exchange)) accessLog.write(recordOf(exchange), asked.of(exchange))
      if (exchange.trace !== undefined) tracing?.finish(exchange)
    },
    onSuspect,
    onOutcome,
  }
}

function isLogged({ route, runtime, received, failure }: Exchange): boolean {
  if (route?.spec.logged === false) return false
  const isUnmatched = route === undefined ? failure?.cause === 'no_route' : route === runtime.unmatched
  return runtime.keepsFromLog?.(received.target, isUnmatched) !== true
}

function recordOf(exchange: Exchange): AccessRecord {
  return {
    time: exchange.startedAt,
    status: exchange.status,
    cause: exchange.failure?.cause,
    detail: exchange.failure?.detail === '' ? undefined : exchange.failure?.detail,
    duration: exchange.durationMs,
    requestBytes: exchange.requestBytes,
    responseBytes: exchange.responseBytes,
    endpoint: exchange.endpoint?.id,
    attempts: exchange.attempts,
    retried: retriedOf(exchange),
    upstreamStatus: exchange.upstreamStatus === 0 ? undefined : exchange.upstreamStatus,
    requestId: exchange.requestId,
    traceId: exchange.trace?.traceId,
  }
}

function recordOfStream(stream: Stream): AccessRecord {
  const { failure } = stream
  return {
    time: stream.startedAt,
    status: 0,
    cause: failure?.cause,
    detail: failure === undefined || failure.detail === '' ? undefined : failure.detail,
    duration: stream.durationMs,
    requestBytes: stream.sentBytes,
    responseBytes: stream.receivedBytes,
    endpoint: stream.endpoint?.id,
    attempts: stream.tried.length,
    retried: undefined,
    upstreamStatus: undefined,
    requestId: undefined,
    traceId: undefined,
  }
}

/** What would be about a request is empty. */
function askedOfStream({ connection, spec, serverName, upstream }: Stream): AccessAsked {
  return {
    client: connection.address,
    scheme: 'https',
    method: '',
    host: serverName,
    target: '',
    version: '',
    route: spec.route,
    backend: upstream?.id,
    userAgent: undefined,
    referer: undefined,
    tls: undefined,
    sni: serverName,
    lane: 'stream',
    unfit: undefined,
  }
}

function retriedOf({ retried, overBudget }: Exchange): string | undefined {
  const words = overBudget ? [...retried, 'budget'] : retried
  return words.length === 0 ? undefined : words.join(',')
}
