/**
 * Secret and ConfigMap. Messages never repeat a value of a Secret.
 */
import type { Bad, Decoder, Report } from './decoder.ts'
import { bad, isAbsent, isMapping, mismatch, quote, string, stringMap, withDefault } from './decoder.ts'
import type { ConfigMap, Secret } from './resource.ts'

/** All values of a Secret or ConfigMap together, in bytes: the API server's limit. */
const maxDataBytes = 1024 * 1024

const base64Map: Decoder<ReadonlyMap<string, Uint8Array>> = {
  expected: 'a mapping of base64 texts',
  read: (value, report) => {
    if (isAbsent(value)) return new Map()
    if (!isMapping(value)) return mismatch(report, 'a mapping of base64 texts', value)
    const result = new Map<string, Uint8Array>()
    for (const [key, each] of value) {
      const bytes = report.at(key, () => fromBase64(each, report))
      if (bytes !== bad) result.set(key, bytes)
    }
    return result.size === value.size ? result : bad
  },
}

export const secretFields = { type: withDefault(string, 'Opaque'), data: base64Map, stringData: stringMap }

/** `stringData` is written over `data`, as the API server does. */
export function joinSecret(
  type: string,
  data: ReadonlyMap<string, Uint8Array>,
  stringData: Readonly<Record<string, string>>,
): Pick<Secret, 'type' | 'data'> {
  const joined = new Map(data)
  for (const [key, text] of Object.entries(stringData)) joined.set(key, new TextEncoder().encode(text))
  return { type: type === '' ? 'Opaque' : type, data: joined }
}

const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
}

export function checkSecret({ type, data }: Pick<Secret, 'type' | 'data'>, report: Report): void {
  for (const key of Object.hasOwn(requiredKeys, type) ? requiredKeys[type]! : []) {
    if (!data.has(key))
      report.error(
        `expected the key ${key} in a Secret of type ${type}, but it is missing`,
        ['data', key],
        'missing-field',
      )
  }
  checkKeys(data.keys(), report)
  let bytes = 0
  for (const value of data.values()) bytes += value.length
  if (bytes > maxDataBytes) report.error(`expected at most ${maxDataBytes} bytes of data, found ${bytes}`, ['data'])
}

export const configMapFields = { data: stringMap }

export function toConfigMap(data: Readonly<Record<string, string>>, report: Report): Pick<ConfigMap, 'data'> {
  checkKeys(Object.keys(data), report)
  return { data: new Map(Object.entries(data)) }
}

function checkKeys(keys: Iterable<string>, report: Report): void {
  for (const key of keys) {
    if (/^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== '.' && !key.startsWith('..')) continue
    report.error(`expected a key of letters, digits, -, _ and ., found ${quote(key)}`, ['data', key])
  }
}

/** RFC 4648 section 4 with padding; line breaks are allowed, as in the API server's reader. */
function fromBase64(value: Parameters<typeof string.read>[0], report: Report): Uint8Array | Bad {
  if (value === null) return new Uint8Array()
  if (typeof value !== 'string') return report.error('expected a base64 text, found no text')
  const text = value.replaceAll(/[\r\n]/g, '')
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    return report.error('expected base64, found another text; plain text belongs under stringData')
  }
  return new Uint8Array(Buffer.from(text, 'base64'))
}
