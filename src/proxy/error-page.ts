/**
 * Errors that a default backend answers for: it is asked in place of the endpoint, once, before a byte of the error was
 * told to the client. Refusals (who may not pass, who asks too much, what cannot be read) are never handed on.
 */
import { get, remove, set } from '#http/fields.ts'
import type { ErrorPagesSpec } from '#snapshot/snapshot.ts'
import type { Upstream } from '#upstream/upstream.ts'
import type { Exchange } from './exchange.ts'
import type { RouteFilters } from './route.ts'
import { type Failure, failures } from './failure.ts'

/** A route's error pages, ready to use. */
export type ErrorPages = {
  readonly spec: ErrorPagesSpec
  readonly upstream: Upstream
  /** For whoever one of them refuses, errors are told as they are. */
  readonly admission: RouteFilters['requestFilters']
}

/** Whom to ask instead of passing on what an endpoint answered; `undefined` to pass it on. `exchange.sent` is then set. */
export function pageForStatus(exchange: Exchange, status: number): Upstream | undefined {
  const pages = pagesOf(exchange)
  if (pages === undefined || !pages.spec.statuses.includes(status) || pages.spec.passEndpoints) return undefined
  turn(exchange, pages, { status, target: `/${exchange.query}` })
  return pages.upstream
}

/** The same for a failure on the way to an endpoint. Where there was none at all, the request goes on as it was. */
export function pageForFailure(exchange: Exchange, { cause }: Failure): Upstream | undefined {
  const pages = pagesOf(exchange)
  const { side, status } = failures[cause]
  if (pages === undefined || side === 'client' || side === 'policy' || cause === 'internal') return undefined
  if (nobody.has(cause) && pages.spec.whenEmpty) turn(exchange, pages, { status, target: exchange.sent.target })
  else if (pages.spec.statuses.includes(status)) turn(exchange, pages, { status, target: `/${exchange.query}` })
  else return undefined
  return pages.upstream
}

const nobody: ReadonlySet<string> = new Set<Failure['cause']>(['no_backend', 'no_ready_endpoints', 'dns_failed'])

function pagesOf(exchange: Exchange): ErrorPages | undefined {
  const { route, responding, turned, admitted } = exchange
  const pages = responding || turned || admitted?.upgrade !== undefined ? undefined : route?.errors
  return pages?.admission.some((each) => each(exchange) !== undefined) === true ? undefined : pages
}

type Turn = { readonly status: number; readonly target: string }

/** What the default backend is told (the protocol of ingress-nginx's custom error pages). */
function turn(exchange: Exchange, { spec }: ErrorPages, { status, target }: Turn): void {
  const { sent, received, path, query, requestId } = exchange
  exchange.turned = true
  const fields = [...sent.fields]
  for (const name of ['content-length', 'content-type', 'content-encoding']) remove(fields, name)
  // RFC 9110 section 8.6: a method that is about content says that there is none.
  if (/^(?:POST|PUT|PATCH)$/.test(sent.method)) set(fields, 'Content-Length', '0')
  set(fields, 'X-Code', String(status))
  set(fields, 'X-Format', get(received.fields, 'accept') ?? '')
  set(fields, 'X-Original-URI', path + query)
  set(fields, 'X-Namespace', spec.namespace)
  set(fields, 'X-Ingress-Name', spec.ingress)
  set(fields, 'X-Service-Name', spec.service)
  set(fields, 'X-Service-Port', spec.port)
  if (requestId !== undefined) set(fields, 'X-Request-ID', requestId)
  exchange.sent = { method: sent.method, target, fields }
}
