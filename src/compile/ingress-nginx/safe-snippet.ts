/**
 * The part of snippets that can be had without running anything: fields of requests and responses with fixed values,
 * fixed answers, and redirects. Everything else is named with what to write instead.
 */
import { compilePattern } from '#lib/pattern.ts'
import { parseTextMatch } from '#lib/text-match.ts'
import type { ConditionalReturnConfig } from '#policy/conditional-return.ts'
import { conditionalReturn } from '#policy/conditional-return.ts'
import { pathRedirect } from '#policy/path-redirect.ts'
import { requestHeaders } from '#policy/request-headers.ts'
import type { ResponseHeader } from '#policy/response-headers.ts'
import { responseHeaders } from '#policy/response-headers.ts'
import { parseVariables } from '#policy/variables.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import { isField } from './header-fields.ts'
import type { Statement } from './snippet-text.ts'

/** `isPart`: it belongs to the statement before it. `policy`: `undefined` for a part, and for what is not safe. */
export type Interpreted = {
  readonly statement: Statement
  readonly policy: PolicySpec | undefined
  readonly isPart: boolean
}

/** Every statement of a snippet, as far as it is a safe one. */
export function interpret(statements: readonly Statement[]): readonly Interpreted[] {
  const type = pageTypeOf(statements)
  return statements.map((statement, at) => {
    const before = statements[at - 1]
    const isPart =
      (before !== undefined && conditionalPolicy(statements, at - 1, type) !== undefined) ||
      (type !== undefined && statement.name === 'default_type' && statement.depth === 0)
    const policy = statement.block
      ? conditionalPolicy(statements, at, type)
      : isPart
        ? undefined
        : safePolicy(statement, type)
    return { statement, policy, isPart }
  })
}

/** `undefined` for a statement that is none of the safe ones by itself. `type`: of what a `return` says. */
export function safePolicy({ name, words, block, depth }: Statement, type?: string): PolicySpec | undefined {
  return block || depth > 0 ? undefined : readers.get(name)?.(words, type)
}

/** Counts wherever it stands; `undefined` where nothing is said, or it cannot be one. */
function pageTypeOf(statements: readonly Statement[]): string | undefined {
  const [named, ...more] = statements.filter(
    ({ name, depth, block }) => name === 'default_type' && depth === 0 && !block,
  )
  const [type = '', ...rest] = named?.words ?? []
  return more.length === 0 && rest.length === 0 && /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : undefined
}

/** `if (…) { return …; }` and nothing else in it. */
function conditionalPolicy(
  statements: readonly Statement[],
  at: number,
  type: string | undefined,
): PolicySpec | undefined {
  const [condition, then, next] = statements.slice(at, at + 3)
  if (condition?.name !== 'if' || condition.depth > 0 || then?.name !== 'return' || then.depth !== 1 || then.block)
    return undefined
  if (next !== undefined && next.depth > 0) return undefined
  const parsed = readCondition(condition.words)
  const answer = readAnswer(then.words, type)
  return parsed && answer && conditionalReturn.spec({ ...parsed, answer })
}

function readCondition(words: readonly string[]): Pick<ConditionalReturnConfig, 'subject' | 'test'> | undefined {
  const [, variable = '', , operator = '', value = ''] =
    /^\(\s*(\$\{?\w+\}?)(\s+(!?~\*?|!?=)\s+(.*?))?\s*\)$/s.exec(words.join(' ')) ?? []
  const parsed = parseVariables(variable)
  if (variable === '' || 'unknown' in parsed) return undefined
  const subject = parsed.text
  if (operator === '') return { subject, test: { kind: 'set' } }
  const negated = operator.startsWith('!')
  if (operator.endsWith('=')) {
    return value.includes('$') ? undefined : { subject, test: { kind: 'equals', text: value, negated } }
  }
  if (value.startsWith('*')) return undefined
  const match = parseTextMatch(`${operator.replace('!', '')}${value}`)
  return match.ok ? { subject, test: { kind: 'matches', match: match.match, negated } } : undefined
}

type Answer = ConditionalReturnConfig['answer']

/** A status with a fixed text or without one, or a redirect. 444 and 499 are no statuses for a client. */
function readAnswer(words: readonly string[], type = usualType): Answer | undefined {
  const [code = '', text, ...rest] = words
  if (rest.length > 0) return undefined
  if (!/^(?:20[0124]|4\d\d|5\d\d)$/.test(code) || code === '444' || code === '499') return readRedirect(words)
  const status = Number(code)
  if (text === undefined) return { kind: 'status', status }
  // nginx writes its own characters for what stands behind a backslash.
  const isFixed = !/[$\\]/.test(text) && status !== 204
  return isFixed ? { kind: 'status', status, page: { type, text } } : undefined
}

/** That of ingress-nginx for a path without an extension. */
const usualType = 'text/html'

type Reader = (words: readonly string[], type?: string) => PolicySpec | undefined

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['add_header', readAddHeader],
  ['more_set_headers', (words) => readMoreHeaders(words, 'set')],
  ['more_clear_headers', (words) => readMoreHeaders(words, 'remove')],
  [
    'proxy_hide_header',
    ([name = '', ...rest]) => (rest.length > 0 ? undefined : headersSpec([{ name, value: '', mode: 'remove' }])),
  ],
  [
    'proxy_set_header',
    ([name = '', value = '', ...rest]) => (rest.length > 0 ? undefined : fieldsSpec([[name, value]])),
  ],
  ['more_set_input_headers', readInputHeaders],
  ['return', readReturn],
  ['rewrite', readRewrite],
])

/** Statuses that nginx adds fields to when nobody says `always`. */
const usual: readonly number[] = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308]

function readAddHeader([name = '', value = '', always, ...rest]: readonly string[]): PolicySpec | undefined {
  if (rest.length > 0 || (always !== undefined && always !== 'always')) return undefined
  return headersSpec([{ name, value, mode: 'add', ...(always === undefined ? { statuses: usual } : {}) }])
}

function readMoreHeaders(words: readonly string[], mode: 'set' | 'remove'): PolicySpec | undefined {
  const [flag, list = ''] = words
  const statuses = flag === '-s' ? list.trim().split(/\s+/).map(Number) : undefined
  if (statuses?.some((status) => !Number.isInteger(status)) === true) return undefined
  const headers = words.slice(statuses === undefined ? 0 : 2).map((written): ResponseHeader => {
    const [name, value] = splitField(written)
    const basis = { name, value, mode: value === '' ? 'remove' : mode } as const
    return statuses === undefined ? basis : { ...basis, statuses }
  })
  return headersSpec(headers)
}

function readInputHeaders(words: readonly string[]): PolicySpec | undefined {
  return fieldsSpec(words.map(splitField))
}

function readReturn(words: readonly string[], type?: string): PolicySpec | undefined {
  const answer = readAnswer(words, type)
  return answer && conditionalReturn.spec({ subject: [], test: { kind: 'always' }, answer })
}

function readRedirect([code = '', target]: readonly string[]): Answer | undefined {
  if (target === undefined) return redirectAnswer(302, code)
  return /^30[12378]$/.test(code) ? redirectAnswer(Number(code), target) : undefined
}

/** Only with a fixed scheme and host, or a path: a variable in front could make anything of the address. */
function redirectAnswer(status: number, target: string): Answer | undefined {
  const parsed = parseVariables(target)
  const fixed = /^(?:(?:https?|\$scheme):\/\/[^/?#]+|\/(?!\/))/.test(target) && /^[\x21-\x7e]+$/.test(target)
  return 'unknown' in parsed || !fixed ? undefined : { kind: 'redirect', status, location: parsed.text }
}

function readRewrite([pattern = '', location = '', flag, ...rest]: readonly string[]): PolicySpec | undefined {
  const status = ({ redirect: 302, permanent: 301 } as const)[flag ?? '']
  const known = /^(?:https?:\/\/[^/?#$]+|\/(?!\/))[\x21-\x7e]*$/.test(location) && !/\$(?![1-9])/.test(location)
  if (status === undefined || rest.length > 0 || !known || !compilePattern(pattern).ok) return undefined
  return pathRedirect.spec({ pattern, location, status })
}

function splitField(written: string): readonly [string, string] {
  const colon = written.indexOf(':')
  return colon === -1 ? [written.trim(), ''] : [written.slice(0, colon).trim(), written.slice(colon + 1).trim()]
}

/** Values with variables are no fixed values. */
function headersSpec(headers: readonly ResponseHeader[]): PolicySpec | undefined {
  const fine =
    headers.length > 0 &&
    headers.every(({ name, value }) => isField(name, value) && !/[$*]/.test(name) && !value.includes('$'))
  return fine ? responseHeaders.spec({ headers }) : undefined
}

function fieldsSpec(fields: readonly (readonly [string, string])[]): PolicySpec | undefined {
  const fine =
    fields.length > 0 &&
    fields.every(
      ([name, value]) =>
        isField(name, value) && !value.includes('$') && !/^(?:x-forwarded-|x-real-ip|forwarded|host$)/i.test(name),
    )
  return fine ? requestHeaders.spec({ fields: fields.flat() }) : undefined
}
