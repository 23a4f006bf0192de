/** An OpenTelemetry collector as far as OTLP/HTTP with JSON goes: keeps what it is sent, or answers as it is told. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Span } from '#telemetry/otlp.ts'
import { startOrigin } from './origin.ts'
import { until } from './until.ts'

/** With its attributes by name, numbers as numbers. */
export type ReceivedSpan = Omit<Span, 'attributes'> & { readonly attributes: Readonly<Record<string, string | number>> }

export type Collector = {
  readonly endpoint: string
  /** Of every export that was taken, in the order they came. */
  readonly spans: readonly ReceivedSpan[]
  readonly resources: readonly Readonly<Record<string, string | number>>[]
  /** Head of every export, taken or not. */
  readonly asked: readonly IncomingHttpHeaders[]
  /** The spans that belong to one trace, once there are so many. */
  trace(count: number): Promise<readonly ReceivedSpan[]>
}

/** What it answers to the export of this number, counted from 1; `hang` for nothing at all. */
export type Manners = (
  number: number,
) => { readonly status: number; readonly fields?: object; readonly body?: string } | 'hang'

type Body = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span['attributes'] }
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[]
  }[]
}

export async function startCollector(manners: Manners = () => ({ status: 200, body: '{}' })): Promise<Collector> {
  const spans: ReceivedSpan[] = []
  const resources: Readonly<Record<string, string | number>>[] = []
  const asked: IncomingHttpHeaders[] = []
  const { port } = await startOrigin((request, response) => {
    const answer = manners(asked.push(request.headers))
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
    request.on('end', () => {
      if (answer === 'hang') return
      if (answer.status === 200 && request.url === '/v1/traces') {
        // Only what the code under test sends comes here; anything else fails the test.
        for (const { resource, scopeSpans } of (JSON.parse(text) as Body).resourceSpans) {
          resources.push(valuesOf(resource.attributes))
          for (const span of scopeSpans.flatMap((scope) => scope.spans))
            spans.push({ ...span, attributes: valuesOf(span.attributes) })
        }
      }
      response.writeHead(answer.status, { ...answer.fields }).end(answer.body)
    })
  })
  return {
    endpoint: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    resources,
    asked,
    trace: async (count) => {
      await until(() => spans.length >= count)
      return spans
    },
  }
}

function valuesOf(attributes: Span['attributes']): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, 'intValue' in value ? Number(value.intValue) : value.stringValue]),
  )
}
