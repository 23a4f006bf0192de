/**
 * What ingress-nginx's dialect says about traces: the global ConfigMap names a collector and how much is sampled, an
 * Ingress whether its requests are traced, and under which name.
 */
import { parseVariables, type VariableText } from '#policy/variables.ts'
import { problemOf } from '#resource/problem.ts'
import type { RouteTracingSpec, TracingSpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readInteger, readMatching, readText, readWord, report } from '../setting.ts'

export type TracingGlobals = {
  /** Where no annotation says otherwise. */
  readonly enabled: boolean
  readonly trust: boolean
  readonly operation: string | undefined
  /** Somebody is named to send spans to. */
  readonly hasCollector: boolean
  /** What the ConfigMap says of the process as a whole; absent where it says nothing. */
  readonly spec?: TracingSpec
}

/** What an Ingress asks for. */
export type TracingWish = { readonly trust: boolean; readonly operation: string | undefined }

/** Annotations that are read here. */
export const tracingNames = [
  'enable-opentelemetry',
  'opentelemetry-trust-incoming-span',
  'opentelemetry-operation-name',
] as const

/** Without a ConfigMap. A collector that the environment names gets the spans of every route. */
export function defaultTracing(collector: boolean): TracingGlobals {
  return { enabled: collector, trust: true, operation: undefined, hasCollector: collector }
}

/** Of the global ConfigMap. `collector`: the environment names one. */
export function readTracingGlobals(scope: Scope, collector: boolean): TracingGlobals {
  const endpoint = readEndpoint(scope)
  const base = { ...defaultTracing(collector), hasCollector: collector || endpoint !== undefined }
  const spec: TracingSpec = {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...present('serviceName', readText(scope, 'otel-service-name')),
    ...readSampler(scope),
    ...readQueue(scope),
  }
  return {
    ...base,
    enabled: readEnabled(scope, base),
    trust: readBoolean(scope, 'opentelemetry-trust-incoming-span', true),
    operation: readOperation(scope),
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
  }
}

/** `undefined` when its requests are not traced. */
export function readTracing(scope: Scope, globals: TracingGlobals): TracingWish | undefined {
  // Read even when it has no use, so that a mistake is reported.
  const trust = readBoolean(scope, 'opentelemetry-trust-incoming-span', globals.trust)
  const operation = readOperation(scope) ?? globals.operation
  return readEnabled(scope, globals) ? { trust, operation } : undefined
}

/** `constants` are nginx variables that are known for the route. */
export function routeTracing(
  { trust, operation }: TracingWish,
  constants: ReadonlyMap<(typeof constantNames)[number], string>,
): RouteTracingSpec {
  const parsed = operation === undefined ? undefined : parseVariables(operation, constants)
  return { trust, ...(parsed !== undefined && 'text' in parsed ? { operation: joined(parsed.text) } : {}) }
}

const constantNames = ['namespace', 'ingress_name', 'service_name', 'location_path'] as const

function readEnabled(scope: Scope, { enabled, hasCollector }: TracingGlobals): boolean {
  const wanted = readBoolean(scope, 'enable-opentelemetry', enabled)
  if (wanted && !hasCollector && scope.value('enable-opentelemetry') !== undefined) {
    scope.problems.push(
      problemOf(scope.resource, {
        severity: 'warning',
        code: 'no-collector',
        at: scope.at('enable-opentelemetry'),
        message: 'enable-opentelemetry: nobody is named to send spans to',
        instead: 'no spans are made; name otlp-collector-host in the global ConfigMap or OTEL_EXPORTER_OTLP_ENDPOINT',
      }),
    )
  }
  return wanted && hasCollector
}

function readEndpoint(scope: Scope): string | undefined {
  const port = readInteger(scope, 'otlp-collector-port', httpPort, { min: 1, max: 65_535 })
  const host = readMatching(scope, 'otlp-collector-host', {
    test: (text) => hostGrammar.test(text),
    expected: 'a host name or an IP address',
    instead: 'no collector is named by it',
  })
  if (host === undefined) return undefined
  if (port === grpcPort) {
    const instead = `OTLP/HTTP is spoken to port ${httpPort}; name a port to have another`
    report(scope, 'otlp-collector-port', { expected: `a port for OTLP/HTTP, which ${grpcPort} is not`, instead })
  }
  return `http://${host}:${port === grpcPort ? httpPort : port}/v1/traces`
}

/** Where every collector listens: what ingress-nginx speaks, and what we speak. */
const grpcPort = 4317
const httpPort = 4318

/** A name, an IPv4 address, or an IPv6 address in brackets. */
const hostGrammar = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])$/

/** The keys of the sampler belong together: one of them replaces all that the environment says. */
function readSampler(scope: Scope): Pick<TracingSpec, 'sampler'> {
  const instead = 'AlwaysOn is used'
  const name = readWord(scope, 'otel-sampler', ['AlwaysOn', 'AlwaysOff', 'TraceIdRatioBased'], instead)
  const share = readMatching(scope, 'otel-sampler-ratio', {
    test: (text) => /^(?:0|0?\.\d{1,15}|1(?:\.0{1,15})?)$/.test(text),
    expected: 'a number from 0 to 1',
    instead: '0.01 is used',
  })
  const parentBased = readBoolean(scope, 'otel-sampler-parent-based', true)
  if (samplerKeys.every((key) => scope.value(key) === undefined)) return {}
  const ratio = name === 'AlwaysOff' ? 0 : name === 'TraceIdRatioBased' ? Number(share ?? '0.01') : 1
  return { sampler: { ratio, parentBased } }
}

const samplerKeys = ['otel-sampler', 'otel-sampler-ratio', 'otel-sampler-parent-based']

function readQueue(scope: Scope): Pick<TracingSpec, 'mostSpans' | 'batchSpans' | 'delayMs'> {
  const count = (name: string): number | undefined => readInteger(scope, name, undefined, { min: 1, max: mostSpans })
  const delay = { min: 1, max: 600_000, unit: 'milliseconds' }
  return {
    ...present('mostSpans', count('otel-max-queuesize')),
    ...present('batchSpans', count('otel-max-export-batch-size')),
    ...present('delayMs', readInteger(scope, 'otel-schedule-delay-millis', undefined, delay)),
  }
}

const mostSpans = 1_000_000

function readOperation(scope: Scope): string | undefined {
  const name = 'opentelemetry-operation-name'
  const text = readText(scope, name)
  if (text === undefined) return undefined
  const parsed = parseVariables(text, new Map(constantNames.map((each) => [each, each])))
  if ('text' in parsed) return text
  const instead = 'method and path of the rule are the name'
  report(scope, name, { expected: 'text with variables that are known', because: parsed.unknown, instead })
  return undefined
}

/** Constants that are known stand beside each other as text. */
function joined(text: VariableText): VariableText {
  const parts: (string | { readonly variable: string })[] = []
  for (const part of text) {
    const last = parts.at(-1)
    if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part
    else parts.push(part)
  }
  return parts
}

function present<Key extends keyof TracingSpec>(key: Key, value: TracingSpec[Key] | undefined): Pick<TracingSpec, Key> {
  // One property of that name or none: all properties of a TracingSpec may be absent.
  return (value === undefined ? {} : { [key]: value }) as Pick<TracingSpec, Key>
}
