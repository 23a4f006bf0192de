/**
 * Bodies of endpoints are compressed for clients that want it (RFC 9110 sections 8.4 and 12.5.3). What an endpoint has
 * encoded itself, a part of something (206), and whatever must not be changed (`no-transform`) or is told with a digest
 * is passed on as it is.
 */
import { type BodyCoding, chooseCoding, type ContentCoding } from '#http/content-coding.ts'
import { all, get, listMembers, remove } from '#http/fields.ts'
import { parseLength } from '#http/framing.ts'
import { equalsLower, trimOws } from '#http/grammar.ts'
import type { RequestHead, ResponseHead } from '#http/head.ts'
import { compilePattern, type Pattern } from '#lib/pattern.ts'
import { definePolicy, type Encoder } from './policy.ts'

export type CompressConfig = {
  /** The one that is named first is taken where a client likes several alike. */
  readonly codings: readonly CodingConfig[]
  /** Expressions: clients whose User-Agent one of them matches get everything as it is. */
  readonly exceptAgents: readonly string[]
}

export type CodingConfig = {
  readonly coding: ContentCoding
  readonly level: number
  /** Bodies that are known to be shorter are not worth it. */
  readonly minBytes: number
  /** Media types in lower case, without parameters; `*` is every one. Absent: `usualTypes`. */
  readonly types?: readonly string[]
}

/** What is mostly long and repeats itself. */
const usualTypes: readonly string[] = [
  'text/html',
  'text/css',
  'text/javascript',
  'text/plain',
  'text/x-component',
  'application/atom+xml',
  'application/javascript',
  'application/json',
  'application/rss+xml',
  'application/vnd.ms-fontobject',
  'application/x-font-ttf',
  'application/x-javascript',
  'application/x-web-app-manifest+json',
  'application/xhtml+xml',
  'application/xml',
  'application/xml+rss',
  'font/opentype',
  'image/svg+xml',
  'image/x-icon',
]

export const compress = definePolicy<CompressConfig>({
  kind: 'compress',
  create: (config) => ({ encoder: new Compressor(config) }),
})

/** As nginx does; whatever else has a body is mostly short. */
const statuses = new Set([200, 403, 404])
/** What says of a body that these are its very bytes (RFC 9530, and the fields before it). */
const digests = ['content-digest', 'repr-digest', 'digest', 'content-md5']

class Compressor implements Encoder {
  readonly #codings: readonly CodingConfig[]
  readonly #offered: readonly ContentCoding[]
  readonly #exceptAgents: readonly Pattern[]

  constructor({ codings, exceptAgents }: CompressConfig) {
    this.#codings = codings
    this.#offered = codings.map(({ coding }) => coding)
    // compile refuses expressions that cannot be run.
    this.#exceptAgents = exceptAgents.flatMap((source) => {
      const result = compilePattern(source, { ignoreCase: true })
      return result.ok ? [result.pattern] : []
    })
  }

  mayEncode(received: RequestHead): boolean {
    return this.#choose(received, this.#offered) !== undefined
  }

  encode(received: RequestHead, head: ResponseHead): BodyCoding | undefined {
    if (!statuses.has(head.status)) return undefined
    const length = get(head.fields, 'content-length')
    const bytes = length === undefined ? undefined : parseLength(length)
    const fit = this.#fit(head.fields, bytes)
    if (fit.length === 0) return undefined
    addVary(head.fields)
    const coding = this.#choose(
      received,
      fit.map((each) => each.coding),
    )
    if (coding === undefined) return undefined
    changeFields(head.fields, coding)
    // It was chosen among those that fit.
    return { coding, bytes, level: fit.find((each) => each.coding === coding)!.level }
  }

  /** Those that may be used for this response, whoever asks. */
  #fit(fields: readonly string[], bytes: number | undefined): readonly CodingConfig[] {
    if (bytes === 0 || isFixed(fields)) return []
    const type = mediaType(get(fields, 'content-type'))
    // gRPC compresses its messages itself, and knows where each one ends.
    if (type === undefined || type.startsWith('application/grpc')) return []
    return this.#codings.filter(
      ({ minBytes, types = usualTypes }) =>
        (bytes === undefined || bytes >= minBytes) && (types.includes(type) || types.includes('*')),
    )
  }

  /** A client of HTTP/1.0 gets everything as it is: it knows no chunks, and caches of that age no Vary. */
  #choose({ version, fields }: RequestHead, offered: readonly ContentCoding[]): ContentCoding | undefined {
    const coding = version === '1.0' ? undefined : chooseCoding(fields, offered)
    if (coding === undefined || this.#exceptAgents.length === 0) return coding
    const agent = get(fields, 'user-agent') ?? ''
    return this.#exceptAgents.some((each) => each.test(agent)) ? undefined : coding
  }
}

function isFixed(fields: readonly string[]): boolean {
  const coding = get(fields, 'content-encoding')
  if (coding !== undefined && !equalsLower(trimOws(coding), 'identity')) return true
  if (get(fields, 'content-range') !== undefined) return true
  if (digests.some((name) => get(fields, name) !== undefined)) return true
  return all(fields, 'cache-control').some((value) => listMembers(value).some(isNoTransform))
}

/** RFC 9111 section 5.2.2.6. */
function isNoTransform(member: string): boolean {
  return equalsLower(member, 'no-transform')
}

function mediaType(value: string | undefined): string | undefined {
  return value === undefined ? undefined : trimOws(value.split(';', 1)[0]!).toLowerCase()
}

/** Caches must know that another client may get other bytes, even when this one gets them as they are. */
function addVary(fields: string[]): void {
  const members = all(fields, 'vary').flatMap(listMembers)
  if (members.some((member) => member === '*' || equalsLower(member, 'accept-encoding'))) return
  fields.push('Vary', 'Accept-Encoding')
}

/** Neither the length nor ranges of the endpoint's bytes mean anything now, and a strong validator would lie. */
function changeFields(fields: string[], coding: ContentCoding): void {
  for (const name of ['content-length', 'accept-ranges', 'content-encoding']) remove(fields, name)
  fields.push('Content-Encoding', coding)
  for (let at = 0; at < fields.length; at += 2) {
    // RFC 9110 section 8.8.3: what is equal only in meaning has a weak one.
    if (equalsLower(fields[at]!, 'etag') && fields[at + 1]!.startsWith('"')) fields[at + 1] = `W/${fields[at + 1]}`
  }
}
