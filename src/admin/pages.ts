/**
 * The pages of the admin address, by path. What they say arrives as functions: this room knows no resources, no
 * discovery and no workers.
 */
import { readFileSync } from 'node:fs'
import { expositionType } from '#telemetry/exposition.ts'
import type { AdminPage } from './server.ts'
import { json, text } from './server.ts'

export type AdminViews = {
  /** Whether traffic may be sent here, and in one sentence why (not). */
  readonly ready: () => { readonly ready: boolean; readonly reason: string }
  /** UTF-8. */
  readonly metrics: () => Promise<Uint8Array>
  readonly overview: () => unknown
  readonly routes: () => unknown
  readonly backends: () => unknown
  readonly problems: () => unknown
  readonly certificates: () => unknown
  /** `undefined` before the first configuration is applied. `url` is one. */
  readonly explain: (question: ExplainQuestion) => unknown
}

/** `fields` is a flat list of names and values. */
export type ExplainQuestion = { readonly url: string; readonly method: string; readonly fields: readonly string[] }

export function adminPages(views: AdminViews): ReadonlyMap<string, AdminPage> {
  const dashboard = readFileSync(new URL('./dashboard.html', import.meta.url), 'utf8')
  return new Map<string, AdminPage>([
    ['/', () => text(200, dashboard, 'text/html; charset=utf-8')],
    ['/healthz', () => text(200, 'ok\n')],
    ['/readyz', () => readiness(views.ready())],
    ['/metrics', async () => text(200, await views.metrics(), expositionType)],
    ['/api/v1/overview', () => json(200, views.overview())],
    ['/api/v1/routes', () => json(200, views.routes())],
    ['/api/v1/backends', async () => json(200, await views.backends())],
    ['/api/v1/problems', () => json(200, views.problems())],
    ['/api/v1/certificates', () => json(200, views.certificates())],
    ['/api/v1/explain', (query) => explain(views, query)],
  ])
}

function readiness({ ready, reason }: { readonly ready: boolean; readonly reason: string }): ReturnType<typeof text> {
  return text(ready ? 200 : 503, `${reason}\n`)
}

function explain(views: AdminViews, query: URLSearchParams): ReturnType<typeof json> {
  const url = query.get('url')
  if (url === null) return json(400, { error: 'say which: /api/v1/explain?url=https://shop.example/cart&method=GET' })
  if (!URL.canParse(url)) return json(400, { error: `not a URL: ${url}` })
  const fields = query.getAll('header').map((line) => /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line))
  if (fields.includes(null)) return json(400, { error: 'header: expected a field such as "x-user: a"' })
  const explanation = views.explain({
    url,
    method: query.get('method') ?? 'GET',
    // Both groups take part in every match, and none of them is null.
    fields: fields.flatMap((match) => [match![1]!, match![2]!]),
  })
  return explanation === undefined ? json(503, { error: 'starting: nothing is applied yet' }) : json(200, explanation)
}
