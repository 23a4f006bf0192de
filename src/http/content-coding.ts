/** Content codings (RFC 9110 section 8.4.1) that a body can be given on its way, and which one a client wants. */
import { all } from './fields.ts'
import { trimOws } from './grammar.ts'

/** RFC 1952, RFC 7932, RFC 8878. */
export const contentCodings = ['gzip', 'br', 'zstd'] as const
export type ContentCoding = (typeof contentCodings)[number]

/** How a lane encodes the body of a response. */
export type BodyCoding = {
  readonly coding: ContentCoding
  /** 1 to 9; to 11 for `br`, to 19 for `zstd`. */
  readonly level: number
  /** Bytes of the body before it is encoded; `undefined` when its head does not say. */
  readonly bytes: number | undefined
}

/**
 * The coding that suits a request best (RFC 9110 section 12.5.3): the one with the highest weight, and of several the
 * first in `offered`. `undefined` when none is accepted, or when `identity` is preferred by name. Without the field
 * nothing is encoded: clients that know codings say so.
 */
export function chooseCoding(fields: readonly string[], offered: readonly ContentCoding[]): ContentCoding | undefined {
  const values = all(fields, 'accept-encoding')
  if (values.length === 0) return undefined
  const weights = weightsOf(values)
  let best: ContentCoding | undefined
  let bestWeight = 0
  for (const coding of offered) {
    const weight = weights.get(coding) ?? weights.get('*') ?? 0
    if (weight <= bestWeight) continue
    best = coding
    bestWeight = weight
  }
  return (weights.get('identity') ?? 0) > bestWeight ? undefined : best
}

/** `gzip`, `gzip;q=0.5`, `*;q=0`; anything else says nothing. */
const member = /^([!#$%&'*+\-.^_`|~\w]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i

/** The first of repeated names counts. `x-gzip` is another name of gzip (RFC 9110 section 8.4.1.3). */
function weightsOf(values: readonly string[]): ReadonlyMap<string, number> {
  const weights = new Map<string, number>()
  for (const part of values.join(',').split(',')) {
    const [, name, weight = '1'] = member.exec(trimOws(part)) ?? []
    const coding = name?.toLowerCase().replace(/^x-gzip$/, 'gzip')
    if (coding !== undefined && !weights.has(coding)) weights.set(coding, Number(weight))
  }
  return weights
}
