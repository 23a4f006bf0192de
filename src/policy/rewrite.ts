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
    const rewritten = remembered((path) => rewrittenBy(expand, path))
    return {
      onRequest: (context) => {
        const known = rewritten(context.path)
        if (known === undefined) return unreadable
        context.sent.target = known.path + join(known.query, context.query)
        return undefined
      },
    }
  },
})

/** `query` without its question mark. */
type Rewritten = { readonly path: string; readonly query: string }

/** `undefined` when it has no single reading. */
function rewrittenBy(expand: (path: string) => string, from: string): Rewritten | undefined {
  const [path = '', ...rest] = expand(from).split('?')
  const normal = normalizePath(path.startsWith('/') ? path : `/${path}`)
  const query = rest.join('?')
  return normal === undefined || !isQuery(query, 0) ? undefined : { path: normal, query }
}

/** Paths whose rewritten form is remembered, and how long they may be: the most are asked for again and again. */
const mostPaths = 512
const longestPath = 256

function remembered(make: (path: string) => Rewritten | undefined): (path: string) => Rewritten | undefined {
  const known = new Map<string, Rewritten>()
  return (path) => {
    const before = known.get(path)
    if (before !== undefined || path.length > longestPath) return before ?? make(path)
    // A copy: what is kept must not hold on to the head that the path was a part of.
    const own = Buffer.from(path, 'latin1').toString('latin1')
    const after = make(own)
    if (known.size >= mostPaths) known.clear()
    if (after !== undefined) known.set(own, after)
    return after
  }
}

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
