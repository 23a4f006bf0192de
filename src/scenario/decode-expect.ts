/**
 * The `expect` of a request step, as a list of expectations that each know their line.
 */
import { isMap, isSeq } from 'yaml'
import { isNothing, type Reader, type Tree } from './reader.ts'
import type { CountMatch, Expectation, TextMatch } from './scenario.ts'

const keys = [
  'status',
  'backend',
  'headers',
  'body',
  'upstream',
  'certificate',
  'cause',
  'statuses',
  'endpoints',
] as const

export function decodeExpect(reader: Reader, node: Tree): Expectation[] {
  const found: Expectation[] = []
  for (const { key, keyNode, value } of reader.mapping(node, 'expect', keys).values()) {
    found.push(...decodeOne({ reader, line: reader.line(keyNode), key: key as (typeof keys)[number], value }))
  }
  return found
}

/** `/…/` is a regular expression, with flags behind it if need be; `null` is absence; all else is the exact text. */
export function decodeTextMatch(reader: Reader, node: Tree, what: string): TextMatch {
  if (isNothing(node)) return { kind: 'absent' }
  const text = reader.text(node, what) ?? ''
  const match = /^\/(.*)\/([imsu]*)$/s.exec(text)
  if (match === null || text === '//') return { kind: 'exact', text }
  try {
    return { kind: 'regex', regex: new RegExp(match[1]!, match[2]) }
  } catch (error) {
    reader.problem(node, error instanceof Error ? error.message : String(error))
    return { kind: 'absent' }
  }
}

type One = { readonly reader: Reader; readonly line: number; readonly key: (typeof keys)[number]; readonly value: Tree }

function decodeOne({ reader, line, key, value }: One): Expectation[] {
  switch (key) {
    case 'status':
      return [
        {
          kind: 'status',
          line,
          anyOf: (isSeq(value) ? reader.items(value, key) : [value]).flatMap(
            (item) => reader.integer(item, 'status', 0) ?? [],
          ),
        },
      ]
    case 'backend':
      return decodeBackend(reader, value, line)
    case 'headers':
      return reader
        .entries(value, key)
        .map((entry) => ({
          kind: 'header',
          line: reader.line(entry.keyNode),
          name: entry.key.toLowerCase(),
          match: decodeTextMatch(reader, entry.value, entry.key),
        }))
    case 'body':
      return [{ kind: 'body', line, match: decodeTextMatch(reader, value, key) }]
    case 'upstream':
      return decodeUpstream(reader, value)
    case 'certificate':
      return [{ kind: 'certificate', line, name: reader.text(value, key) ?? '' }]
    case 'cause':
      return [{ kind: 'cause', line, cause: reader.text(value, key) ?? '' }]
    case 'statuses':
      return [{ kind: 'statuses', line, counts: decodeCounts(reader, value) }]
    case 'endpoints':
      return decodeEndpoints(reader, value, line)
  }
}

function decodeBackend(reader: Reader, node: Tree, line: number): Expectation[] {
  const backend = isNothing(node) ? 'none' : (reader.text(node, 'backend') ?? 'none')
  if (backend !== 'none' && !/^[a-z0-9-]+\/[a-z0-9.-]+:[a-z0-9-]+$/.test(backend)) {
    reader.problem(node, `expected backend to be namespace/service:port or none, found ${backend}`)
  }
  return [{ kind: 'backend', line, backend }]
}

function decodeUpstream(reader: Reader, node: Tree): Expectation[] {
  const found: Expectation[] = []
  for (const { key, keyNode, value } of reader
    .mapping(node, 'upstream', ['method', 'target', 'headers', 'body'])
    .values()) {
    const line = reader.line(keyNode)
    if (key === 'method') found.push({ kind: 'upstream-method', line, method: reader.text(value, key) ?? '' })
    else if (key === 'target') found.push({ kind: 'upstream-target', line, match: decodeTarget(reader, value) })
    else if (key === 'body') found.push({ kind: 'upstream-body', line, match: decodeTextMatch(reader, value, key) })
    else
      for (const entry of reader.entries(value, key))
        found.push({
          kind: 'upstream-header',
          line: reader.line(entry.keyNode),
          name: entry.key.toLowerCase(),
          match: decodeTextMatch(reader, entry.value, entry.key),
        })
  }
  return found
}

/** Every target begins with a slash, and `/shop/` is one: only with `^` or `$` is it a regular expression. */
function decodeTarget(reader: Reader, node: Tree): TextMatch {
  const text = isNothing(node) ? '' : (reader.text(node, 'target') ?? '')
  return /^\/(\^.*|.*\$)\/[imsu]*$/s.test(text) ? decodeTextMatch(reader, node, 'target') : { kind: 'exact', text }
}

function decodeCounts(reader: Reader, node: Tree): Map<number, CountMatch> {
  const counts = new Map<number, CountMatch>()
  for (const { key, keyNode, value } of reader.entries(node, 'statuses')) {
    if (/^\d{1,3}$/.test(key)) counts.set(Number(key), decodeCount(reader, value))
    else reader.problem(keyNode, `expected a status, found ${key}`)
  }
  return counts
}

function decodeCount(reader: Reader, node: Tree): CountMatch {
  if (!isMap(node)) {
    const count = reader.integer(node, 'a count', 0) ?? 0
    return { min: count, max: count }
  }
  const bounds = reader.mapping(node, 'a count', ['min', 'max'])
  const min = bounds.has('min') ? reader.integer(bounds.get('min')!.value, 'min', 0) : 0
  const max = bounds.has('max') ? reader.integer(bounds.get('max')!.value, 'max', 0) : Infinity
  return { min: min ?? 0, max: max ?? Infinity }
}

function decodeEndpoints(reader: Reader, node: Tree, line: number): Expectation[] {
  if (!isMap(node)) {
    return reader.oneOf(node, 'endpoints', ['same']) === undefined ? [] : [{ kind: 'endpoints-same', line }]
  }
  const entries = [...reader.mapping(node, 'endpoints', ['distinct', 'each-at-least']).values()]
  return entries.map(({ key, value }) => {
    const count = reader.integer(value, key, 1) ?? 1
    return key === 'distinct' ? { kind: 'endpoints-distinct', line, count } : { kind: 'endpoints-each', line, count }
  })
}
