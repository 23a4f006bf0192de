/**
 * What the value of a flag may look like: each grammar reads one text, and says in words what it expected.
 */
import { isIP } from 'node:net'
import { bytesGrammar, parseBytes, printBytes } from '#lib/bytes.ts'
import { durationGrammar, longestTimerMs, parseDuration, printDuration } from '#lib/duration.ts'
import type { DiscoveryMode } from '#snapshot/snapshot.ts'

export type Grammar<Value> = {
  /** What stands for the value in `--help`; empty for a switch, which takes none. */
  readonly placeholder: string
  /** Follows the word "expected". */
  readonly expected: string
  /** `undefined` when the text is not one. */
  readonly parse: (value: string) => Value | undefined
  /** Put between the values of a flag that is given again; `undefined` when the last one wins. */
  readonly separator: string | undefined
}

export type HostPort = { readonly host: string; readonly port: number }

function grammar<Value>(
  placeholder: string,
  expected: string,
  parse: (value: string) => Value | undefined,
): Grammar<Value> {
  return { placeholder, expected, parse, separator: undefined }
}

/** A flag without a value; as an environment variable `true` or `false`. */
export const boolean = grammar('', 'true or false', (value) => {
  if (['false', '0', 'no'].includes(value)) return false
  return ['true', '1', 'yes'].includes(value) ? true : undefined
})

export const word = grammar('NAME', 'a name', (value) => (value === '' ? undefined : value))

export const path = grammar('PATH', 'the path of a file', (value) => (value === '' ? undefined : value))

export const port = grammar('PORT', 'a port from 0 to 65535, where 0 picks a free one', (value) =>
  integer(value, 0, 65_535),
)

export const address = grammar('ADDRESS', 'an IP address, such as 127.0.0.1 or ::', (value) => {
  const bare = unbracket(value)
  return isIP(bare) === 0 ? undefined : bare
})

export const duration: Grammar<number> = grammar('TIME', `${durationGrammar}, 24d at most`, (value) =>
  atMost(parseDuration(value), longestTimerMs),
)

export function count(min: number): Grammar<number> {
  return grammar('N', min === 0 ? 'a whole number' : `a whole number of at least ${min}`, (value) =>
    integer(value, min, 2 ** 31 - 1),
  )
}

export function durationFrom(minMs: number): Grammar<number> {
  return grammar('TIME', `${durationGrammar}, from ${printDuration(minMs)} to 24d`, (value) =>
    atMost(atLeast(parseDuration(value), minMs), longestTimerMs),
  )
}

export function bytesFrom(min: number): Grammar<number> {
  return grammar('SIZE', `${bytesGrammar}, ${printBytes(min)} or more`, (value) => atLeast(parseBytes(value), min))
}

export function oneOf<const Choice extends string>(...choices: readonly Choice[]): Grammar<Choice> {
  return grammar(choices.join('|'), enumerate(choices), (value) => choices.find((choice) => choice === value))
}

export const discoveryMode: Grammar<DiscoveryMode> = {
  ...oneOf('slices', 'pods', 'dns', 'nodeport', 'env'),
  placeholder: 'MODE',
}

/** Either what `other` reads or the one word, which stands for itself. */
export function orWord<Value, const Word extends string>(other: Grammar<Value>, only: Word): Grammar<Value | Word> {
  const parse = (value: string): Value | Word | undefined => (value === only ? only : other.parse(value))
  return { ...other, placeholder: `${other.placeholder}|${only}`, expected: `${other.expected}, or ${only}`, parse }
}

/** `HOST[:PORT]`, IPv6 addresses in brackets or, where no port follows, bare. */
export function hostPort(defaultPort: number | undefined): Grammar<HostPort> {
  const placeholder = defaultPort === undefined ? 'HOST:PORT' : 'HOST[:PORT]'
  return grammar(placeholder, `${placeholder}, such as 127.0.0.1:${defaultPort ?? 9901}`, (value) => {
    if (isIP(value) === 6) return defaultPort === undefined ? undefined : { host: value, port: defaultPort }
    const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d+))?$/.exec(value)
    if (match === null) return undefined
    const host = unbracket(match[1]!)
    if (match[1]!.startsWith('[') && isIP(host) !== 6) return undefined
    const number = match[2] === undefined ? defaultPort : integer(match[2], 0, 65_535)
    return number === undefined ? undefined : { host, port: number }
  })
}

/** An admin address as one asks it: `HOST:PORT` or a URL; decoded to a URL without a slash at its end. */
export const adminUrl = grammar('URL', 'HOST:PORT or a URL, such as http://127.0.0.1:9901', (value) => {
  const text = /^https?:\/\//i.test(value) ? value : `http://${value}`
  if (!URL.canParse(text)) return undefined
  const { origin, pathname, search, hash, username } = new URL(text)
  const isBare = pathname === '/' && search === '' && hash === '' && username === ''
  return isBare && (text !== `http://${value}` || /:\d+$/.test(value)) ? origin : undefined
})

/** Addresses and ranges of them: `10.0.0.0/8`, `::1`. */
export const cidr = grammar('CIDR', 'an address or a range of them, such as 10.0.0.0/8', (value) => {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value)
  const family = match === null ? 0 : isIP(match[1]!)
  if (family === 0) return undefined
  return Number(match?.[2] ?? 0) > (family === 4 ? 32 : 128) ? undefined : value
})

export const domain = grammar('DOMAIN', 'a domain name, such as cluster.local', (value) => {
  const bare = value.toLowerCase().replace(/\.$/, '')
  return bare.length <= 200 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(bare)
    ? bare
    : undefined
})

export const objectName = grammar('NAMESPACE/NAME', 'NAMESPACE/NAME', (value) =>
  /^[a-z0-9-]+\/[a-z0-9.-]+$/.test(value) ? value : undefined,
)

/** A Service; without a port its first one is meant. */
export const serviceName = grammar('NAMESPACE/NAME[:PORT]', 'NAMESPACE/NAME or NAMESPACE/NAME:PORT', (value) => {
  const match = /^([a-z0-9-]+)\/([a-z0-9-]+)(?::(\d{1,5}))?$/.exec(value)
  if (match === null) return undefined
  const number = match[3] === undefined ? undefined : Number(match[3])
  return number === 0 || (number ?? 0) > 65_535 ? undefined : { namespace: match[1]!, name: match[2]!, port: number }
})

/** Commas between, and the flag may be repeated. No entry is empty; one that is given twice counts once. */
export function list<Value>(item: Grammar<Value>, min = 0): Grammar<readonly Value[]> {
  const parse = (value: string): readonly Value[] | undefined => {
    const texts = new Set(value === '' ? [] : value.split(',').map((each) => each.trim()))
    const values = [...texts].map(item.parse).filter((each) => each !== undefined)
    return values.length === texts.size && values.length >= min ? values : undefined
  }
  return {
    placeholder: `${item.placeholder},…`,
    expected: `${item.expected} (several with commas between them)`,
    parse,
    separator: ',',
  }
}

/** Fields of a request, one per line. */
export const fields: Grammar<readonly (readonly [name: string, value: string])[]> = {
  placeholder: 'FIELD',
  expected: 'a field such as "x-user: a"',
  separator: '\n',
  parse: (value) => {
    const lines = value === '' ? [] : value.split('\n')
    const parsed = lines.map((line) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line))
    return parsed.includes(null) ? undefined : parsed.map((match) => [match![1]!, match![2]!] as const)
  },
}

function enumerate(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join('') : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
}

function integer(value: string, min: number, max: number): number | undefined {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  return number >= min && number <= max ? number : undefined
}

function atLeast(value: number | undefined, min: number): number | undefined {
  return value === undefined || value < min ? undefined : value
}

function atMost(value: number | undefined, max: number): number | undefined {
  return value === undefined || value > max ? undefined : value
}

function unbracket(value: string): string {
  return value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value
}
