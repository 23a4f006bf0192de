/**
 * Another path for the endpoint. The whole path is replaced, the query is kept. The result is normalised like a path
 * that a client sends, and refused like one when it has no single reading or climbs above the root. A target that is a
 * URL sends the client there instead (302), as nginx does; its host is fixed text, so nobody chooses where.
 */
import { isQuery, normalizePath } from '#http/path.ts'
import type { Reply } from './policy.ts'
import { definePolicy } from './policy.ts'
import { captureTemplate } from './captures.ts'

export type RewriteConfig = {
  /** The whole expression, on lib/pattern, upper and lower case alike. */
  readonly pattern: string
  /** A path or a URL. `$1` to `$9` are its groups. May hold a query, which goes before the client's. */
  readonly target: string
}

export const rewrite = definePolicy<RewriteConfig>({
  kind: 'rewrite',
  create: ({ pattern, target }) => {
    const expand = captureTemplate(pattern, target, true)
    if (isUrl(target)) return { onRequest: (context) => elsewhere(expand(context.path), context.query) }
    return {
      onRequest: (context) => {
        const [path = '', ...rest] = expand(context.path).split('?')
        const normal = normalizePath(path.startsWith('/') ? path : `/${path}`)
        const query = rest.join('?')
        if (normal === undefined || !isQuery(query, 0)) return unreadable
        context.sent.target = normal + join(query, context.query)
        return undefined
      },
    }
  },
})

const unreadable: Reply = {
  status: 400,
  fields: ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-store'],
  body: '400 Bad Request\n',
  cause: 'bad_request',
}

function isUrl(target: string): boolean {
  return /^https?:\/\//.test(target)
}

function elsewhere(url: string, clients: string): Reply {
  const [base = '', ...rest] = url.split('?')
  return { status: 302, fields: ['Location', base + join(rest.join('?'), clients)], body: '' }
}

/** As nginx does: ours first, then the client's. */
function join(own: string, clients: string): string {
  if (own === '') return clients
  return clients.length > 1 ? `?${own}&${clients.slice(1)}` : `?${own}`
}
