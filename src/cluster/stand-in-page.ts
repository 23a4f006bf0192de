/**
 * What a browser sees of a stand-in: the facts of the JSON answer as a small page. Everything in it may come from an
 * attacker's request, so all of it is escaped and the page may load and run nothing.
 */
import type { ReceivedRequest } from './stand-in.ts'

/** Fields that keep a browser from doing anything with the page but showing it. */
export const pageFields: readonly (readonly [name: string, value: string])[] = [
  ['content-type', 'text/html; charset=utf-8'],
  ['content-security-policy', "default-src 'none'; style-src 'unsafe-inline'"],
  ['x-content-type-options', 'nosniff'],
  ['cache-control', 'no-store'],
]

/** Whether the Accept field likes HTML at least as much as JSON; what accepts anything, such as curl, gets JSON. */
export function prefersPage(accept: string | undefined): boolean {
  const html = quality(accept, 'text/html')
  return html > 0 && html >= quality(accept, 'application/json')
}

export function renderPage(received: ReceivedRequest): string {
  const { namespace, service, port, endpoint, method, target, headers, body } = received
  const rows = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((each) => row(name, each)))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(`${namespace}/${service}:${port}`)}</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
  h1 { font-size: 1.5rem; margin: 0 }
  p { opacity: .75; margin: .25rem 0 1.5rem }
  h2 { font-size: 1rem; margin: 1.5rem 0 .25rem }
  code, td, th, pre { font: 13px/1.6 ui-monospace, monospace; overflow-wrap: anywhere }
  pre { white-space: pre-wrap }
  th { text-align: left; font-weight: 600; padding-right: 1.5rem; vertical-align: top; white-space: nowrap }
</style>
<h1>${escape(`${namespace}/${service}:${port}`)}</h1>
<p>Stand-in ${endpoint} answered: Service <code>${escape(service)}</code> of namespace <code>${escape(namespace)}</code>
  has no endpoints of its own yet, so this page stands where your application will be.</p>
<h2>Request as it arrived here</h2>
<pre>${escape(method)} ${escape(target)}</pre>
<h2>Header fields</h2>
<table>${rows.join('\n')}</table>
${body === '' ? '' : `<h2>Body</h2><pre>${escape(body)}</pre>`}
`
}

function row(name: string, value: string): string {
  return `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`
}

/** 0 when the type is not named. */
function quality(accept: string | undefined, type: string): number {
  for (const each of accept?.toLowerCase().split(',') ?? []) {
    const [name, ...parameters] = each.split(';').map((part) => part.trim())
    if (name !== type) continue
    const weight = parameters.find((parameter) => parameter.startsWith('q='))
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0
  }
  return 0
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
