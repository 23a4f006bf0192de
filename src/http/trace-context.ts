/**
 * W3C Trace Context (level 1): which trace a request belongs to, read from its fields and written for the next hop. What
 * does not follow the grammar begins a trace anew, as section 4.3 has it.
 */
import { all } from './fields.ts'
import { trimOws } from './grammar.ts'

export type TraceParent = {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** Span of whoever sent the request: 16 lower-case hexadecimal digits. */
  readonly parentId: string
  readonly sampled: boolean
}

/** Section 3.2. Of a later version what this one knows is read. `undefined` without exactly one valid `traceparent`. */
export function readTraceParent(fields: readonly string[]): TraceParent | undefined {
  const lines = all(fields, 'traceparent')
  const match = lines.length === 1 ? parentGrammar.exec(trimOws(lines[0]!)) : null
  if (match === null) return undefined
  // Every group of the expression takes part in every match.
  const [, version, traceId, parentId, flags, rest] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  if (version === 'ff' || (version === '00' && rest !== '')) return undefined
  if (traceId === noTrace || parentId === noSpan) return undefined
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** Section 3.3: all lines as one. `undefined` when there is none, or what there is cannot be passed on. */
export function readTraceState(fields: readonly string[]): string | undefined {
  const members = all(fields, 'tracestate')
    .flatMap((line) => line.split(','))
    .map(trimOws)
    .filter((member) => member !== '')
  if (members.length === 0 || members.length > mostMembers || !members.every((each) => memberGrammar.test(each)))
    return undefined
  const state = members.join(',')
  return state.length <= longestState ? state : undefined
}

export function printTraceParent(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-0${sampled ? '1' : '0'}`
}

const parentGrammar = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(|-.*)$/
const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)

/** Section 3.3.1: a key, perhaps with a tenant, and printable ASCII without comma and equals sign. */
const memberGrammar =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/
const mostMembers = 32
/** The least that everybody must pass on; we pass on no more. */
const longestState = 512
