import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { Compiled } from '#compile/compile.ts'
import type { RouteTracingSpec, TracingSpec } from '#snapshot/snapshot.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

type Setup = {
  /** Without their prefix. */
  readonly annotations?: Readonly<Record<string, string>>
  readonly global?: Readonly<Record<string, string>>
  /** The environment names a collector. */
  readonly collector?: boolean
}

function compileSetup({ annotations = {}, global, collector = false }: Setup): Compiled {
  const named = Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [`nginx.ingress.kubernetes.io/${name}`, value]),
  )
  const documents = [
    `{apiVersion: v1, kind: ConfigMap, metadata: {name: global}, data: ${JSON.stringify(global ?? {})}}`,
    `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: shop, annotations: ${JSON.stringify(named)}}, spec: {rules: [{host: shop.test, http: {paths: [{path: /cart, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}`,
    '{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}',
  ]
  const configMap = global === undefined ? undefined : 'default/global'
  return compile(resourcesFrom(documents.join('\n---\n')), { ...compileOptions, configMap, collector })
}

function routeOf(setup: Setup): RouteTracingSpec | undefined {
  return compileSetup(setup).snapshot.routes[0]!.tracing
}

function codesOf(setup: Setup): readonly string[] {
  return compileSetup(setup).problems.map(({ code }) => code)
}

const on = { 'enable-opentelemetry': 'true' }
const host = { 'otlp-collector-host': 'otel.monitoring' }

describe('whether a route is traced', () => {
  test.each<[string, Setup, RouteTracingSpec | undefined]>([
    ['nobody asks', {}, undefined],
    ['the environment names a collector', { collector: true }, { trust: true }],
    ['it does, and the ConfigMap says no', { collector: true, global: { 'enable-opentelemetry': 'false' } }, undefined],
    [
      'it does, and the Ingress says no',
      { collector: true, annotations: { 'enable-opentelemetry': 'false' } },
      undefined,
    ],
    ['the ConfigMap asks', { global: { ...on, ...host } }, { trust: true }],
    ['the ConfigMap names a collector and does not ask', { global: host }, undefined],
    ['the Ingress asks', { global: host, annotations: on }, { trust: true }],
    ['nobody would get the spans', { annotations: on }, undefined],
    [
      'incoming spans are not trusted',
      { collector: true, annotations: { 'opentelemetry-trust-incoming-span': 'false' } },
      { trust: false },
    ],
    [
      'the annotation counts before the key',
      {
        collector: true,
        global: { 'opentelemetry-trust-incoming-span': 'false' },
        annotations: { 'opentelemetry-trust-incoming-span': 'true' },
      },
      { trust: true },
    ],
  ])('when %s', (_, setup, expected) => {
    expect(routeOf(setup)).toEqual(expected)
  })

  test('asking without anybody to send to is reported, at the Ingress and at the ConfigMap', () => {
    expect(codesOf({ annotations: on })).toEqual(['no-collector'])
    expect(codesOf({ global: on })).toEqual(['no-collector'])
    expect(codesOf({ global: on, collector: true })).toEqual([])
  })
})

describe('the name of spans', () => {
  test('is text with variables; those of the rule are filled in beforehand', () => {
    const written = 'HTTP $request_method $namespace/$service_name at ${location_path} of $ingress_name'
    expect(routeOf({ collector: true, annotations: { 'opentelemetry-operation-name': written } })).toEqual({
      trust: true,
      operation: ['HTTP ', { variable: 'request_method' }, ' default/web at /cart of shop'],
    })
  })

  test('comes from the ConfigMap where the Ingress has none', () => {
    const global = { 'opentelemetry-operation-name': 'all' }
    expect(routeOf({ collector: true, global })?.operation).toEqual(['all'])
    const annotations = { 'opentelemetry-operation-name': 'mine' }
    expect(routeOf({ collector: true, global, annotations })?.operation).toEqual(['mine'])
  })

  test('with a variable nobody knows is reported and not used', () => {
    const setup = { collector: true, annotations: { 'opentelemetry-operation-name': '$wat' } }
    expect(routeOf(setup)).toEqual({ trust: true })
    expect(codesOf(setup)).toEqual(['invalid-annotation-value'])
  })
})

describe('the keys of the global ConfigMap', () => {
  test.each<[Readonly<Record<string, string>>, TracingSpec | undefined, readonly string[]]>([
    [{}, undefined, []],
    [host, { endpoint: 'http://otel.monitoring:4318/v1/traces' }, []],
    [{ ...host, 'otlp-collector-port': '80' }, { endpoint: 'http://otel.monitoring:80/v1/traces' }, []],
    [{ 'otlp-collector-host': '[fd00::1]' }, { endpoint: 'http://[fd00::1]:4318/v1/traces' }, []],
    [
      { ...host, 'otlp-collector-port': '4317' },
      { endpoint: 'http://otel.monitoring:4318/v1/traces' },
      ['invalid-annotation-value'],
    ],
    [{ 'otlp-collector-host': 'http://a' }, undefined, ['invalid-annotation-value']],
    [{ 'otlp-collector-host': 'a/b' }, undefined, ['invalid-annotation-value']],
    [{ 'otel-service-name': 'edge' }, { serviceName: 'edge' }, []],
    [{ 'otel-sampler': 'AlwaysOff' }, { sampler: { ratio: 0, parentBased: true } }, []],
    [{ 'otel-sampler': 'TraceIdRatioBased' }, { sampler: { ratio: 0.01, parentBased: true } }, []],
    [
      { 'otel-sampler': 'TraceIdRatioBased', 'otel-sampler-ratio': '0.25', 'otel-sampler-parent-based': 'false' },
      { sampler: { ratio: 0.25, parentBased: false } },
      [],
    ],
    [{ 'otel-sampler': 'sometimes' }, { sampler: { ratio: 1, parentBased: true } }, ['invalid-annotation-value']],
    [
      { 'otel-sampler': 'TraceIdRatioBased', 'otel-sampler-ratio': '1.5' },
      { sampler: { ratio: 0.01, parentBased: true } },
      ['invalid-annotation-value'],
    ],
    [
      { 'otel-max-queuesize': '10', 'otel-max-export-batch-size': '5', 'otel-schedule-delay-millis': '100' },
      { mostSpans: 10, batchSpans: 5, delayMs: 100 },
      [],
    ],
    [{ 'otel-max-queuesize': '0' }, undefined, ['invalid-annotation-value']],
    [{ 'opentelemetry-config': '/etc/otel.toml' }, undefined, ['annotation-no-effect']],
  ])('%j', (global, spec, codes) => {
    const { snapshot, problems } = compileSetup({ global })
    expect(snapshot.tracing).toEqual(spec)
    expect(problems.map(({ code }) => code)).toEqual(codes)
  })
})
