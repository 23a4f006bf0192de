/**
 * What a route's policies do to one request, found out by running them on it.
 */
import { clientCertificate, type ClientCertificateConfig } from '#policy/client-certificate.ts'
import type { FilterContext, Reply } from '#policy/policy.ts'
import { offlineEnv } from '#policy/offline-env.ts'
import { policies } from '#policy/registry.ts'
import { shownPolicy } from '#snapshot/print.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'

export type PolicyEffect = {
  readonly kind: string
  readonly config: unknown
  /** `would answer 308 with Location: https://…`, `would set Strict-Transport-Security: …`, `leaves this request alone`. */
  readonly effect: string
  /** When it ends the request. */
  readonly reply: Reply | undefined
}

export type ExplainedRequest = {
  readonly scheme: 'http' | 'https'
  readonly port: number
  readonly host: string
  readonly path: string
  readonly query: string
  readonly method: string
  readonly fields: readonly string[]
  readonly httpsPort: number
}

/** In the order they run; those behind one that answers are not reached on the way in. */
export function effectsOf(specs: readonly PolicySpec[], request: ExplainedRequest): readonly PolicyEffect[] {
  let answered: string | undefined
  return specs.map((spec) => {
    const effect = { ...effectOf(spec, request, answered), config: shownPolicy(spec).config }
    if (effect.reply !== undefined) answered = spec.kind
    return effect
  })
}

function effectOf({ kind, config }: PolicySpec, request: ExplainedRequest, answered: string | undefined): PolicyEffect {
  const policy = policies.get(kind)
  if (policy === undefined) return { kind, config, effect: 'is not known to this build', reply: undefined }
  const filter = policy.create(config, offlineEnv(request.httpsPort))
  // Only `spec` of this policy makes configs of its kind, so the cast cannot lie.
  const context = contextOf(request, kind === clientCertificate.kind ? (config as ClientCertificateConfig) : undefined)
  const verdict = answered === undefined ? filter.onRequest?.(context) : undefined
  if (verdict instanceof Promise) return { kind, config, effect: 'asks somebody else first', reply: undefined }
  if (verdict !== undefined) return { kind, config, effect: describeReply(verdict), reply: verdict }
  const head = { status: 200, reason: '', fields: [] as string[] }
  filter.onResponse?.(context, head)
  const parts = [
    ...(sameTarget(context) ? [] : [`would forward ${context.sent.method} ${context.sent.target}`]),
    ...pairs(head.fields).map((pair) => `would set ${pair} on the response`),
  ]
  if (parts.length === 0 && answered !== undefined) parts.push(`not reached: ${answered} answers`)
  return { kind, config, effect: parts.length === 0 ? 'leaves this request alone' : parts.join(', '), reply: undefined }
}

/** A client that does everything right, except that it has no certificate to show. */
function contextOf(
  { scheme, port, host, path, query, method, fields }: ExplainedRequest,
  asked: ClientCertificateConfig | undefined,
): FilterContext {
  const target = path + query
  const client = asked && { auth: asked.auth, certificate: undefined }
  return {
    connection: { tls: scheme === 'https' ? { serverName: host, client } : undefined },
    client: { address: '127.0.0.1', scheme, port },
    received: { method, target, version: '1.1', fields },
    host,
    path,
    query,
    sent: { method, target, fields: [...fields] },
  }
}

function describeReply({ status, fields }: Reply): string {
  const shown = pairs(fields)
  return shown.length === 0 ? `would answer ${status}` : `would answer ${status} with ${shown.join(', ')}`
}

function sameTarget({ received, sent }: FilterContext): boolean {
  return received.method === sent.method && received.target === sent.target
}

function pairs(fields: readonly string[]): readonly string[] {
  return fields.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${fields[index + 1]}`] : []))
}
