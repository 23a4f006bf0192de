/**
 * A finished exchange as spans: one of kind server, and one of kind client for each attempt, with the attributes of
 * OpenTelemetry's semantic conventions for HTTP. What went wrong is named by its cause code, as in the access log.
 */
import { get } from '#http/fields.ts'
import { fillIn } from '#policy/variables.ts'
import type { Exchange } from '#proxy/exchange.ts'
import { failures } from '#proxy/failure.ts'
import type { AttemptTrace, Trace } from '#proxy/trace.ts'
import { attributesOf, type Span, unixNano } from '#telemetry/otlp.ts'

/** The exchange is finished. */
export function spansOf(exchange: Exchange, trace: Trace): readonly Span[] {
  return [serverSpan(exchange, trace), ...trace.attempts.map((attempt, at) => clientSpan(exchange, attempt, at))]
}

function serverSpan(exchange: Exchange, trace: Trace): Span {
  const { received, client, connection, route, failure, status } = exchange
  const { method, original } = methodOf(received.method)
  const error = serverError(exchange)
  return {
    ...placeOf(trace, trace.spanId, trace.parentId),
    name: nameOf(exchange, method),
    kind: 2,
    startTimeUnixNano: timeOf(exchange, exchange.startedTick),
    endTimeUnixNano: timeOf(exchange, endOf(exchange)),
    attributes: attributesOf({
      'http.request.method': method,
      'http.request.method_original': original,
      'http.route': route?.spec.path.value,
      'http.response.status_code': status === 0 ? undefined : status,
      'error.type': error,
      'url.scheme': client.scheme,
      'url.path': exchange.path,
      'url.query': shownQuery(exchange.query.slice(1)),
      'server.address': exchange.host,
      'server.port': client.port,
      'client.address': client.address,
      'network.peer.address': connection.address,
      'network.peer.port': connection.remotePort,
      'network.protocol.version': received.version,
      'user_agent.original': get(received.fields, 'user-agent'),
      'http.request.body.size': exchange.requestBytes,
      'http.response.body.size': exchange.responseBytes,
      'genkan.route': route?.spec.id,
      'genkan.backend': exchange.upstream?.id,
      'genkan.cause': failure?.cause,
      'genkan.request_id': exchange.requestId,
      'genkan.lane': exchange.lane,
    }),
    ...statusOf(error),
  }
}

function clientSpan(exchange: Exchange, attempt: AttemptTrace, at: number): Span {
  // Only an exchange with a trace has attempts that were traced.
  const trace = exchange.trace!
  const { endpoint, status } = attempt
  const { method, original } = methodOf(attempt.method)
  const cause = causeOf(exchange, attempt)
  const error = cause !== '' ? cause : status >= 400 ? String(status) : undefined
  const { address, port } = endpoint.spec
  return {
    ...placeOf(trace, attempt.spanId, trace.spanId),
    name: method === otherMethod ? 'HTTP' : method,
    kind: 3,
    startTimeUnixNano: timeOf(exchange, attempt.startTick),
    endTimeUnixNano: timeOf(exchange, attempt.endTick === 0 ? endOf(exchange) : attempt.endTick),
    attributes: attributesOf({
      'http.request.method': method,
      'http.request.method_original': original,
      'http.request.resend_count': at === 0 ? undefined : at,
      'http.response.status_code': status === 0 ? undefined : status,
      'error.type': error,
      'url.full': urlOf(exchange, attempt),
      'server.address': address,
      'server.port': port,
      'network.peer.address': address,
      'network.peer.port': port,
      'genkan.backend': attempt.upstream?.id,
      'genkan.cause': cause,
    }),
    ...statusOf(error),
  }
}

function placeOf(
  { traceId, state }: Trace,
  spanId: string,
  parentSpanId: string | undefined,
): Pick<Span, 'traceId' | 'spanId' | 'parentSpanId' | 'traceState'> {
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    ...(state === undefined ? {} : { traceState: state }),
  }
}

function statusOf(error: string | undefined): Pick<Span, 'status'> {
  return error === undefined ? {} : { status: { code: 2, message: error } }
}

/** As asked for by `opentelemetry-operation-name`; else method and path of the rule, which are few. */
function nameOf(exchange: Exchange, method: string): string {
  const spec = exchange.route?.spec
  const name = spec?.tracing?.operation === undefined ? '' : fillIn(spec.tracing.operation, exchange)
  if (name !== '') return name.slice(0, longestName)
  return `${method === otherMethod ? 'HTTP' : method} ${spec?.path.value ?? ''}`.trimEnd()
}

/**
 * Cause or status of what is an error of ours or behind us. What a client is told with 4xx, or that it left, is none
 * (semantic conventions for HTTP spans, "Status").
 */
function serverError({ status, failure }: Exchange): string | undefined {
  if (status >= 500) return failure?.cause ?? String(status)
  const side = failure && failures[failure.cause].side
  return status < 400 && (side === 'proxy' || side === 'upstream') ? failure?.cause : undefined
}

/** An answer that was broken off, or that never came, ended with the exchange. */
function causeOf({ failure, trace }: Exchange, attempt: AttemptTrace): string {
  if (attempt.cause !== '' || failure === undefined || attempt !== trace?.attempts.at(-1)) return attempt.cause
  return attempt.status === 0 || failures[failure.cause].side === 'upstream' ? failure.cause : ''
}

const otherMethod = '_OTHER'
/** RFC 9110 and PATCH: what the conventions take for known. */
const knownMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
])

function methodOf(method: string): { readonly method: string; readonly original: string | undefined } {
  return knownMethods.has(method) ? { method, original: undefined } : { method: otherMethod, original: method }
}

function urlOf({ client }: Exchange, { endpoint, upstream, target }: AttemptTrace): string {
  const protocol = upstream?.spec.protocol ?? 'http'
  const isSecure = protocol === 'https' || protocol === 'grpcs' || (protocol === 'auto' && client.scheme === 'https')
  const at = target.indexOf('?')
  const shown = at < 0 ? target : `${target.slice(0, at)}?${shownQuery(target.slice(at + 1))}`
  return `${isSecure ? 'https' : 'http'}://${endpoint.id}${shown}`
}

/** Without the values that the conventions name as secrets: signatures of URLs that are signed. */
function shownQuery(query: string): string {
  return query.replace(/(^|&)(AWSAccessKeyId|Signature|sig|X-Goog-Signature)=[^&]*/g, '$1$2=REDACTED')
}

const longestName = 256

function endOf({ startedTick, durationMs }: Exchange): number {
  return startedTick + durationMs
}

/** A tick of the exchange as time of day. */
function timeOf({ startedAt, startedTick }: Exchange, tick: number): string {
  return unixNano(startedAt + (tick - startedTick))
}
