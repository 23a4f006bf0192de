/**
 * Text with parts of the request in it: `$1` to `$9` for what an expression has captured, and a few names in the
 * notation of nginx. What a template may hold is decided by compile; here every part is known.
 */
import { get } from '#http/fields.ts'
import { compilePattern } from '#lib/pattern.ts'
import type { FilterContext } from './policy.ts'

/** Names that may stand in the location of a redirect. */
export const locationVariables: readonly string[] = ['scheme', 'host', 'http_host', 'request_uri', 'uri', 'args', 'is_args', 'query_string']

/**
 * A path → the template with its captures filled in; groups that took no part are empty. The expression is not asked
 * when nothing of it is used. A path that it does not match gives the template with all captures empty.
 */
export function captureTemplate(pattern: string, template: string): (path: string) => string {
  if (!/\$[1-9]/.test(template)) return () => template
  const compiled = compilePattern(pattern, { ignoreCase: true })
  if (!compiled.ok) throw new TypeError(`${pattern} is no expression that can be matched: ${compiled.problem}`)
  const { match } = compiled.pattern
  return (path) => {
    const captures = match(path) ?? []
    return template.replace(/\$([1-9])/g, (_, group: string) => captures[Number(group)] ?? '')
  }
}

/** The location of a redirect for this request; names that are none of `locationVariables` stay as they are. */
export function expandLocation(template: string, context: FilterContext): string {
  if (!template.includes('$')) return template
  return template.replace(/\$(?:\{([a-z_]+)\}|([a-z_]+))/g, (whole: string, braced: string | undefined, plain: string | undefined) => {
    return valueOf(braced ?? plain ?? '', context) ?? whole
  })
}

/** `https://shop.test:8443`, as the client addressed us; empty when an HTTP/1.0 client named no host. */
export function publicOrigin(context: FilterContext): string {
  return context.host === '' ? '' : `${context.client.scheme}://${publicAuthority(context)}`
}

/** Host and port as the client wrote them; behind a trusted proxy as it says that the client did. */
export function publicAuthority({ sent, host }: FilterContext): string {
  return get(sent.fields, 'x-forwarded-host') ?? host
}

function valueOf(name: string, context: FilterContext): string | undefined {
  const { client, host, path, query } = context
  switch (name) {
    case 'scheme': return client.scheme
    case 'host': return host
    case 'http_host': return publicAuthority(context)
    case 'request_uri': return path + query
    case 'uri': return path
    case 'args':
    case 'query_string': return query.slice(1)
    case 'is_args': return query === '' ? '' : '?'
    default: return undefined
  }
}
