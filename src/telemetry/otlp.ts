/**
 * Spans in OTLP's JSON form (opentelemetry.proto.trace.v1, "OTLP/HTTP, JSON Protobuf Encoding"): plain data that
 * `JSON.stringify` makes a request of.
 */
export type AttributeValue = string | number

/** The parts of an OTLP span that we fill. */
export type Span = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly name: string
  /** SPAN_KIND_SERVER and SPAN_KIND_CLIENT. */
  readonly kind: 2 | 3
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  /** STATUS_CODE_ERROR; absent for unset. */
  readonly status?: { readonly code: 2; readonly message: string }
}

export type Attribute = {
  readonly key: string
  readonly value: { readonly stringValue: string } | { readonly intValue: string }
}

/** `undefined` and empty values are left out. Texts are clients': longer ones are cut, so that a queue has a size. */
export function attributesOf(values: Readonly<Record<string, AttributeValue | undefined>>): readonly Attribute[] {
  const attributes: Attribute[] = []
  for (const key in values) {
    const value = values[key]
    if (value === undefined || value === '') continue
    // 64-bit integers are texts in JSON.
    if (typeof value === 'number') attributes.push({ key, value: { intValue: String(value) } })
    else attributes.push({ key, value: { stringValue: value.slice(0, longestText) } })
  }
  return attributes
}

/** `ms` since the epoch, with a fraction. A double holds no nanoseconds of today, so they are written as digits. */
export function unixNano(ms: number): string {
  const whole = Math.floor(ms)
  return `${whole}${String(Math.floor((ms - whole) * 1e6)).padStart(6, '0')}`
}

/** The body of one export. */
export function exportBody(resource: Readonly<Record<string, string>>, spans: readonly Span[]): string {
  return JSON.stringify({
    resourceSpans: [
      { resource: { attributes: attributesOf(resource) }, scopeSpans: [{ scope: { name: 'genkan' }, spans }] },
    ],
  })
}

const longestText = 1024
