/**
 * A request step: the request line, what goes with it, and how often.
 */
import { isIP } from 'node:net'
import { isSeq } from 'yaml'
import { decodeExpect } from './decode-expect.ts'
import { type Entry, isNothing, type Reader, type Tree } from './reader.ts'
import { proxyHeader } from './proxy-header.ts'
import type { HeaderField, ProxyHeaderSpec, RequestStep } from './scenario.ts'

export const requestKeys = [
  'request',
  'headers',
  'body',
  'http',
  'from',
  'jar',
  'server-name',
  'client-certificate',
  'proxy-protocol',
  'times',
  'concurrency',
  'expect',
] as const

export function decodeRequest(reader: Reader, keys: ReadonlyMap<string, Entry>, line: number): RequestStep {
  const read = <Value>(key: (typeof requestKeys)[number], how: (value: Tree) => Value): Value | undefined => {
    const entry = keys.get(key)
    return entry === undefined ? undefined : how(entry.value)
  }
  return {
    kind: 'request',
    line,
    ...readRequestLine(reader, keys.get('request')!.value),
    headers: read('headers', (value) => readFields(reader, value)) ?? [],
    body: read('body', (value) => reader.text(value, 'body')) ?? '',
    http: read('http', (value) => reader.oneOf(value, 'http', ['1.1', '2'])) ?? '1.1',
    from: read('from', (value) => readLoopback(reader, value)),
    jar: read('jar', (value) => reader.text(value, 'jar')),
    serverName: read('server-name', (value) => reader.text(value, 'server-name')),
    clientCertificate: read('client-certificate', (value) => reader.text(value, 'client-certificate')),
    proxyProtocol: read('proxy-protocol', (value) => readProxyProtocol(reader, value)),
    times: read('times', (value) => reader.integer(value, 'times', 1)) ?? 1,
    concurrency: read('concurrency', (value) => reader.integer(value, 'concurrency', 1)) ?? 1,
    expect: read('expect', (value) => decodeExpect(reader, value)) ?? [],
  }
}

/** `{x-a: "1", x-b: [one, two]}`: a list sends the field once for each. */
export function readFields(reader: Reader, node: Tree): HeaderField[] {
  return reader.entries(node, 'headers').flatMap(({ key, value }) => {
    const values = isSeq(value) ? reader.items(value, key) : [value]
    return values.map((each): HeaderField => [
      key,
      isNothing(each) ? '' : (reader.text(each, `the header ${key}`) ?? ''),
    ])
  })
}

type RequestLine = Pick<RequestStep, 'method' | 'scheme' | 'authority' | 'target'>

/** Taken apart by hand: a URL object would tidy up exactly what a routing test wants to send untidy. */
function readRequestLine(reader: Reader, node: Tree): RequestLine {
  const text = reader.text(node, 'request') ?? ''
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (https?|wss?):\/\/([^/?#\s]+)([/?][^\s]*)?$/.exec(text)
  if (match === null) {
    if (text !== '') reader.problem(node, `expected METHOD http(s)://host/path, found ${text}`)
    return { method: 'GET', scheme: 'http', authority: 'invalid', target: '/' }
  }
  const [, method = '', scheme = '', authority = '', rest = ''] = match
  const target = rest.startsWith('/') ? rest : `/${rest}`
  return { method, scheme: scheme === 'https' || scheme === 'wss' ? 'https' : 'http', authority, target }
}

/** `{v1: TCP4 192.0.2.1 192.0.2.2 50000 443}`, or `v2` with the same words. */
function readProxyProtocol(reader: Reader, node: Tree): ProxyHeaderSpec | undefined {
  const keys = reader.mapping(node, 'proxy-protocol', ['v1', 'v2'])
  const [entry] = keys.values()
  if (entry === undefined || keys.size > 1) return reader.problem(node, 'expected proxy-protocol to have v1 or v2')
  const spec = { version: entry.key === 'v2' ? 2 : 1, text: reader.text(entry.value, entry.key) ?? '' } as const
  if (proxyHeader(spec) === undefined)
    return reader.problem(
      entry.value,
      `expected ${entry.key} to be as TCP4 192.0.2.1 192.0.2.2 50000 443, found ${spec.text}`,
    )
  return spec
}

function readLoopback(reader: Reader, node: Tree): string | undefined {
  const text = reader.text(node, 'from') ?? ''
  if ((isIP(text) === 4 && text.startsWith('127.')) || text === '::1') return text
  return reader.problem(node, `expected from to be a loopback address, such as 127.0.0.5, found ${text}`)
}
