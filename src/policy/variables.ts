/** Text with nginx's variables in it, for the few places where the dialect allows them. Nothing else is evaluated. */
import { all, get } from '#http/fields.ts'
import { startsWithLower } from '#http/grammar.ts'
import { cookieOf } from './limit-key.ts'
import type { FilterContext } from './policy.ts'

/** Literal text and names of variables, in turn. */
export type VariableText = readonly (string | { readonly variable: string })[]

export type ParsedVariables = { readonly text: VariableText } | { readonly unknown: string }

/** `constants` are variables whose value is known already. Reads `$name` and `${name}`; any other `$` is a mistake. */
export function parseVariables(written: string, constants: ReadonlyMap<string, string> = new Map()): ParsedVariables {
  const text: (string | { readonly variable: string })[] = []
  let end = 0
  for (const match of written.matchAll(/\$(?:\{(\w+)\}|(\w+))?/g)) {
    const name = nameOf(match[1] ?? match[2] ?? '')
    if (match.index > end) text.push(written.slice(end, match.index))
    end = match.index + match[0].length
    const constant = constants.get(name)
    if (constant !== undefined) text.push(constant)
    else if (variables.has(name) || prefixOf(name) !== undefined) text.push({ variable: name })
    else return { unknown: match[0] }
  }
  if (end < written.length) text.push(written.slice(end))
  return { text }
}

export function fillIn(text: VariableText, context: FilterContext): string {
  return text.map((part) => (typeof part === 'string' ? part : valueOf(part.variable, context))).join('')
}

/** Host and port as the client wrote them; behind a trusted proxy as it says that the client did. */
export function publicAuthority({ sent, host }: FilterContext): string {
  return get(sent.fields, 'x-forwarded-host') ?? host
}

/** `https://shop.test:8443`, as the client addressed us; empty when an HTTP/1.0 client named no host. */
export function publicOrigin(context: FilterContext): string {
  return context.host === '' ? '' : `${context.client.scheme}://${publicAuthority(context)}`
}

type Read = (context: FilterContext) => string

const port: Read = ({ client }) => String(client.port)
const scheme: Read = ({ client }) => client.scheme
const address: Read = ({ client }) => client.address
const argumentsOf: Read = ({ query }) => query.slice(1)
/** As received; from its path on when the client sent an absolute URL. */
const requestUri: Read = ({ path, query, received }) =>
  received.target.startsWith('/') ? received.target : path + query

const variables: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['host', ({ host }) => host],
  ['http_host', publicAuthority],
  ['best_http_host', publicAuthority],
  ['request_uri', requestUri],
  ['escaped_request_uri', (context) => encodeURIComponent(requestUri(context))],
  ['uri', ({ path }) => path],
  ['args', argumentsOf],
  ['query_string', argumentsOf],
  ['is_args', ({ query }) => (query === '' ? '' : '?')],
  ['scheme', scheme],
  ['pass_access_scheme', scheme],
  ['request_method', ({ received }) => received.method],
  ['remote_addr', address],
  ['the_real_ip', address],
  ['server_port', port],
  ['pass_server_port', port],
  ['pass_port', port],
  ['remote_user', remoteUser],
  ['request_id', ({ sent }) => get(sent.fields, 'x-request-id') ?? ''],
])

const prefixes: readonly (readonly [prefix: string, read: (context: FilterContext, name: string) => string])[] = [
  ['http_', ({ received }, name) => all(received.fields, name.replaceAll('_', '-')).join(', ')],
  ['cookie_', ({ received }, name) => cookieOf(received.fields, name)],
  ['arg_', ({ query }, name) => argumentOf(query, name)],
]

function valueOf(variable: string, context: FilterContext): string {
  const read = variables.get(variable)
  if (read !== undefined) return read(context)
  const found = prefixOf(variable)
  return found === undefined ? '' : found[1](context, variable.slice(found[0].length))
}

/** nginx does not mind the case of names; in the names of cookies and arguments it is kept as written. */
function nameOf(written: string): string {
  const name = written.toLowerCase()
  const prefix = ['cookie_', 'arg_'].find((each) => name.startsWith(each)) ?? ''
  return prefix === '' ? name : prefix + written.slice(prefix.length)
}

function prefixOf(name: string): (typeof prefixes)[number] | undefined {
  return prefixes.find(([prefix]) => name.startsWith(prefix) && name.length > prefix.length)
}

/** As written in the query, still escaped. Like nginx, it takes the first whose name is the same but for its case. */
function argumentOf(query: string, name: string): string {
  const wanted = `${name.toLowerCase()}=`
  const pair = query
    .slice(1)
    .split('&')
    .find((each) => startsWithLower(each, wanted))
  return pair?.slice(wanted.length) ?? ''
}

function remoteUser({ received }: FilterContext): string {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(get(received.fields, 'authorization') ?? '')?.[1]
  return encoded === undefined ? '' : (Buffer.from(encoded, 'base64').toString('utf8').split(':')[0] ?? '')
}
