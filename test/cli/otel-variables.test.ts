import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { defaultTracing, type TracingSettings } from '#telemetry/tracing-settings.ts'
import { readOtelVariables } from '../../src/cli/otel-variables.ts'
import { heard, listen, startGenkan, stop } from '../support/cli.ts'
import { after } from '../support/closing.ts'
import { startCollector } from '../support/collector.ts'
import { siteManifests } from '../support/front-door.ts'
import { startOrigin } from '../support/origin.ts'
import { describeLanes } from '../support/lanes.ts'

const endpoint = 'OTEL_EXPORTER_OTLP_ENDPOINT'

describe('variables of OpenTelemetry', () => {
  test.each<[Readonly<Record<string, string>>, Partial<TracingSettings>]>([
    [{}, {}],
    [{ [endpoint]: '' }, {}],
    [{ [endpoint]: 'http://otel:4318' }, { endpoint: 'http://otel:4318/v1/traces' }],
    [{ [endpoint]: 'https://otel/base/' }, { endpoint: 'https://otel/base/v1/traces' }],
    [
      { [endpoint]: 'http://a', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b/as-it-is' },
      { endpoint: 'http://b/as-it-is' },
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20x%3D, x-b = c' },
      { fields: ['Authorization', 'Bearer x=', 'x-b', 'c'] },
    ],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=1', OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'b=2' }, { fields: ['b', '2'] }],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '250' }, { timeoutMs: 250 }],
    [{ OTEL_SERVICE_NAME: 'edge' }, { resource: { 'service.name': 'edge' } }],
    [
      { OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,k8s.pod.name=p%201', OTEL_SERVICE_NAME: 'b' },
      { resource: { 'service.name': 'b', 'k8s.pod.name': 'p 1' } },
    ],
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, { sampler: { ratio: 0, parentBased: false } }],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, { sampler: { ratio: 0, parentBased: true } }],
    [{ OTEL_TRACES_SAMPLER: 'always_on' }, { sampler: { ratio: 1, parentBased: false } }],
    [
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' },
      { sampler: { ratio: 0.1, parentBased: false } },
    ],
    [
      { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '.5' },
      { sampler: { ratio: 0.5, parentBased: true } },
    ],
    [
      { OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5', OTEL_BSP_SCHEDULE_DELAY: '7' },
      { mostSpans: 10, batchSpans: 5, delayMs: 7 },
    ],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_TRACES_EXPORTER: 'otlp' }, {}],
  ])('%j', (env, expected) => {
    expect(readOtelVariables(env)).toEqual({ tracing: { ...defaultTracing, ...expected }, problems: [] })
  })

  test.each([{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])('%j switches tracing off', (env) => {
    expect(readOtelVariables({ ...env, [endpoint]: 'http://otel' })).toEqual({ tracing: undefined, problems: [] })
  })

  test.each([
    [{ [endpoint]: 'otel:4318' }, /ENDPOINT: expected a URL/],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '1s' }, /TIMEOUT: expected a whole number/],
    [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, /SAMPLER: expected always_on or .*"jaeger_remote"/],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' }, /ARG: expected a number from 0 to 1/],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /PROTOCOL: grpc is not spoken; http\/json is used/],
    [{ OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }, /COMPRESSION has no effect/],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /EXPORTER: expected otlp or none/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a b=secret' }, /HEADERS: expected fields/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=b%0Asecret' }, /HEADERS: expected fields/],
  ])('%j is told, without what may be a credential', (env, problem) => {
    const { problems } = readOtelVariables(env)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(problem)
    expect(problems[0]).not.toContain('secret')
  })
})

describeLanes(() => {
  test('a front door started with them traces, and says what it cannot do', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'genkan-otel-'))
    after(() => rmSync(folder, { recursive: true }))
    const [origin, collector] = [await startOrigin((_request, response) => response.end('ok')), await startCollector()]
    writeFileSync(join(folder, 'site.yaml'), siteManifests([{ host: 'localhost', port: origin.port }]))
    const portsFile = join(folder, 'ports.json')
    const ports = ['--http-port', '0', '--https-port', '0', '--admin', 'off', '--ports-file', portsFile]
    const env = {
      [endpoint]: collector.endpoint.replace('/v1/traces', ''),
      OTEL_SERVICE_NAME: 'edge',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    }
    const child = startGenkan(['serve', folder, ...ports], { env })
    after(async () => void (await stop(child)))
    const said = listen(child)
    await heard(child, said, /"event":"listening"/)
    expect(said.err).toContain('OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not spoken')
    const { http } = JSON.parse(readFileSync(portsFile, 'utf8')) as { readonly http: number }
    expect(await (await fetch(`http://localhost:${http}/`)).text()).toBe('ok')
    await stop(child)
    expect(collector.spans.map(({ kind }) => kind)).toEqual([2, 3])
    expect(collector.resources[0]).toEqual({ 'service.name': 'edge' })
  }, 30_000)
})
