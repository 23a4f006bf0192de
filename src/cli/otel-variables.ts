/**
 * OpenTelemetry's environment variables → settings. Those that exist and are not read here are named, so that nobody
 * waits for what they would have done.
 */
import { isFieldValue, isToken } from '#http/grammar.ts'
import { defaultTracing, type Sampler, type TracingSettings } from '#telemetry/tracing-settings.ts'

export type OtelVariables = {
  /** `undefined`: tracing is switched off, whatever routes say. */
  readonly tracing: TracingSettings | undefined
  /** Sentences. What cannot be read counts as not set. */
  readonly problems: readonly string[]
}

type Env = Readonly<Record<string, string | undefined>>

export function readOtelVariables(env: Env): OtelVariables {
  const reader = new Reader(env)
  const exporter = reader.word('OTEL_TRACES_EXPORTER', ['otlp', 'none'])
  if (reader.text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || exporter === 'none')
    return { tracing: undefined, problems: reader.problems }
  reader.mention()
  const traces = 'OTEL_EXPORTER_OTLP_TRACES'
  const every = 'OTEL_EXPORTER_OTLP'
  const base = reader.url(`${every}_ENDPOINT`)
  const tracing: TracingSettings = {
    endpoint:
      reader.url(`${traces}_ENDPOINT`) ?? (base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`),
    fields: reader.fields(`${traces}_HEADERS`) ?? reader.fields(`${every}_HEADERS`) ?? defaultTracing.fields,
    timeoutMs: reader.count(`${traces}_TIMEOUT`) ?? reader.count(`${every}_TIMEOUT`) ?? defaultTracing.timeoutMs,
    resource: reader.resource(),
    sampler: reader.sampler(),
    mostSpans: reader.count('OTEL_BSP_MAX_QUEUE_SIZE') ?? defaultTracing.mostSpans,
    batchSpans: reader.count('OTEL_BSP_MAX_EXPORT_BATCH_SIZE') ?? defaultTracing.batchSpans,
    delayMs: reader.count('OTEL_BSP_SCHEDULE_DELAY') ?? defaultTracing.delayMs,
  }
  return { tracing, problems: reader.problems }
}

class Reader {
  readonly #env: Env
  readonly problems: string[] = []

  constructor(env: Env) {
    this.#env = env
  }

  /** An empty value is as none. */
  text(name: string): string | undefined {
    const text = this.#env[name]?.trim()
    return text === '' ? undefined : text
  }

  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name)
    const word = words.find((each) => each === text)
    if (text !== undefined && word === undefined) this.#refuse(name, words.join(' or '), text)
    return word
  }

  count(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
    if (value > 0) return value
    this.#refuse(name, 'a whole number of at least 1', text)
    return undefined
  }

  url(name: string): string | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (/^https?:\/\//i.test(text) && URL.canParse(text)) return text
    this.#refuse(name, 'a URL with http or https', text)
    return undefined
  }

  /** `name=value,name=value`, escaped as in URLs. Values are credentials: they are never in a problem. */
  fields(name: string): readonly string[] | undefined {
    const pairs = this.#pairs(name)
    if (pairs === undefined) return undefined
    if (pairs.every(([field, value]) => isToken(field) && isFieldValue(value))) return pairs.flat()
    this.problems.push(`${name}: expected fields as name=value with commas between; it is not used`)
    return undefined
  }

  resource(): Readonly<Record<string, string>> {
    const given = Object.fromEntries(this.#pairs('OTEL_RESOURCE_ATTRIBUTES') ?? [])
    const service = this.text('OTEL_SERVICE_NAME')
    return { ...defaultTracing.resource, ...given, ...(service === undefined ? {} : { 'service.name': service }) }
  }

  sampler(): Sampler {
    const name = this.word('OTEL_TRACES_SAMPLER', samplers) ?? 'parentbased_always_on'
    const parentBased = name.startsWith('parentbased_')
    const root = name.replace('parentbased_', '')
    if (root !== 'traceidratio') return { ratio: root === 'always_on' ? 1 : 0, parentBased }
    const text = this.text('OTEL_TRACES_SAMPLER_ARG') ?? '1'
    const ratio = /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN
    if (ratio >= 0 && ratio <= 1) return { ratio, parentBased }
    this.#refuse('OTEL_TRACES_SAMPLER_ARG', 'a number from 0 to 1', text)
    return { ratio: 1, parentBased }
  }

  /** Variables of the specification that ask for what is not done. */
  mention(): void {
    for (const suffix of ['_PROTOCOL', '_TRACES_PROTOCOL']) {
      const text = this.text(`OTEL_EXPORTER_OTLP${suffix}`)
      if (text !== undefined && text !== 'http/json')
        this.problems.push(`OTEL_EXPORTER_OTLP${suffix}: ${text} is not spoken; http/json is used`)
    }
    for (const name of unread) if (this.text(name) !== undefined) this.problems.push(`${name} has no effect`)
  }

  #pairs(name: string): readonly (readonly [string, string])[] | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    return text
      .split(',')
      .filter((pair) => pair.trim() !== '')
      .map((pair) => {
        const at = pair.indexOf('=')
        return at < 0 ? (['', ''] as const) : ([pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())] as const)
      })
      .filter(([key]) => name !== 'OTEL_RESOURCE_ATTRIBUTES' || key !== '')
  }

  #refuse(name: string, expected: string, found: string): void {
    this.problems.push(`${name}: expected ${expected}, found ${JSON.stringify(found)}; it counts as not set`)
  }
}

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

const unread = ['CERTIFICATE', 'CLIENT_KEY', 'CLIENT_CERTIFICATE', 'COMPRESSION']
  .flatMap((name) => [`OTEL_EXPORTER_OTLP_${name}`, `OTEL_EXPORTER_OTLP_TRACES_${name}`])
  .concat('OTEL_PROPAGATORS', 'OTEL_BSP_EXPORT_TIMEOUT')

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
