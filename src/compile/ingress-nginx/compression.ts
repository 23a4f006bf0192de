/** Global keys about compression of responses; `genkan.dev/compress` turns it on or off for one Ingress. */
import { type ContentCoding, contentCodings } from '#http/content-coding.ts'
import { compilePattern } from '#lib/pattern.ts'
import { type CodingConfig, compress } from '#policy/compress.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readInteger, readText, report } from '../setting.ts'

export type Compression = {
  /** In order of preference; empty for none. */
  readonly on: readonly ContentCoding[]
  readonly codings: Readonly<Record<ContentCoding, CodingConfig>>
  readonly exceptAgents: readonly string[]
}

const typesGrammar = 'media types with blanks between, * for every one'

export const compressionKeys: readonly AnnotationRow[] = [
  honoured('use-gzip', 'true, false (false)', 'Responses are compressed with gzip for clients that accept it.', {
    difference: 'Weights count: a client that prefers another coding, or none, gets that. `no-transform` is respected.',
  }),
  honoured('gzip-level', 'a whole number from 1 to 9 (1)', 'How hard it tries.'),
  honoured('gzip-min-length', 'bytes (256)', 'Responses that are known to be shorter are passed on as they are.'),
  honoured('gzip-types', `${typesGrammar} (text, JSON, XML, fonts)`, 'What is compressed, text/html always among it.'),
  honoured(
    'gzip-disable',
    'an expression, or msie6',
    'Clients whose User-Agent it matches get everything as it is, of brotli and zstd, too.',
  ),
  honoured('enable-brotli', 'true, false (false)', 'The same with brotli, which goes before gzip.'),
  honoured('brotli-level', 'a whole number from 0 to 11 (4)', 'How hard it tries.'),
  honoured('brotli-min-length', 'bytes (20)', 'Responses that are known to be shorter are passed on as they are.'),
  honoured(
    'brotli-types',
    `${typesGrammar} (text, JSON, XML, fonts)`,
    'What is compressed, text/html always among it.',
  ),
]

export const noCompression: Compression = {
  on: [],
  codings: {
    br: { coding: 'br', level: 4, minBytes: 20 },
    gzip: { coding: 'gzip', level: 1, minBytes: 256 },
    zstd: { coding: 'zstd', level: 3, minBytes: 256 },
  },
  exceptAgents: [],
}

/** Of the global ConfigMap. */
export function readCompressionGlobals(scope: Scope): Compression {
  const { codings } = noCompression
  const read = ({ coding, level, minBytes }: CodingConfig, name: string, levels: { min: number; max: number }) => ({
    coding,
    level: readInteger(scope, `${name}-level`, level, levels),
    minBytes: readInteger(scope, `${name}-min-length`, minBytes, { min: 0, max: 10 ** 9, unit: 'bytes' }),
    ...readTypes(scope, `${name}-types`),
  })
  const isBrotli = readBoolean(scope, 'enable-brotli', false)
  const isGzip = readBoolean(scope, 'use-gzip', false)
  return {
    on: [...(isBrotli ? (['br'] as const) : []), ...(isGzip ? (['gzip'] as const) : [])],
    codings: {
      br: read(codings.br, 'brotli', { min: 0, max: 11 }),
      gzip: read(codings.gzip, 'gzip', { min: 1, max: 9 }),
      zstd: codings.zstd,
    },
    exceptAgents: readAgents(scope),
  }
}

/** Of one Ingress; `undefined` when its responses are passed on as they are. `own` holds our own annotations. */
export function readCompression(own: Scope, globals: Compression): PolicySpec | undefined {
  const { codings, exceptAgents } = globals
  const on = readCodings(own) ?? globals.on
  return on.length === 0 ? undefined : compress.spec({ codings: on.map((each) => codings[each]), exceptAgents })
}

function readCodings(own: Scope): readonly ContentCoding[] | undefined {
  const text = readText(own, 'compress')
  if (text === undefined) return undefined
  if (text === 'off') return []
  const names = text.split(',').map((each) => each.trim())
  const known = contentCodings.filter((each) => names.includes(each))
  if (known.length === new Set(names).size) return known.toSorted((a, b) => names.indexOf(a) - names.indexOf(b))
  report(own, 'compress', { expected: `off, or a list of ${contentCodings.join(', ')}`, instead: 'it is ignored' })
  return undefined
}

const mediaType = /^(?:\*|[\w!#$&^.+-]+\/[\w!#$&^.+-]+)$/

function readTypes(scope: Scope, name: string): Pick<CodingConfig, 'types'> {
  const text = readText(scope, name)
  if (text === undefined) return {}
  const types = text.toLowerCase().split(/\s+/)
  const bad = types.filter((each) => !mediaType.test(each))
  if (bad.length > 0)
    report(scope, name, { expected: typesGrammar, because: bad.join(' and '), instead: 'the others are compressed' })
  return { types: [...new Set(['text/html', ...types.filter((each) => !bad.includes(each))])] }
}

/** Internet Explorer before 7, but for the one of Windows XP's second service pack, which could. */
const oldExplorer = 'MSIE [4-6]\\.[^S]*(?:S[^V][^S]*)*$'

function readAgents(scope: Scope): readonly string[] {
  const text = readText(scope, 'gzip-disable')
  if (text === undefined) return []
  if (text === 'msie6') return [oldExplorer]
  const result = compilePattern(text, { ignoreCase: true })
  if (result.ok) return [text]
  report(scope, 'gzip-disable', {
    expected: 'a regular expression, or msie6',
    because: result.problem,
    instead: 'no client is excepted',
  })
  return []
}
