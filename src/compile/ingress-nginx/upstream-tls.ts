/** `proxy-ssl-…` → how TLS is spoken to endpoints. What asks for protection and cannot be had closes the routes. */
import { toAscii } from '#http/authority.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Secret } from '#resource/resource.ts'
import { parseCertificate, parseChain } from '../certificate.ts'
import type { Scope } from '../setting.ts'
import { mayName, readInteger, readMatching, readText, report } from '../setting.ts'
import type { TlsWish, Wish } from '../upstream-wish.ts'

export type TlsReading = {
  readonly wish: Wish<TlsWish> | undefined
  /** Why the routes answer 503. */
  readonly closed: string | undefined
}

const names = [
  'proxy-ssl-secret',
  'proxy-ssl-verify',
  'proxy-ssl-verify-depth',
  'proxy-ssl-name',
  'proxy-ssl-server-name',
  'proxy-ssl-protocols',
  'proxy-ssl-ciphers',
] as const

export function readUpstreamTls(scope: Scope, resources: ResourceSet): TlsReading {
  const key = names.find((name) => readText(scope, name) !== undefined)
  if (key === undefined) return { wish: undefined, closed: undefined }
  const secret = readSecret(scope, resources)
  const verify = readSwitch(scope, 'proxy-ssl-verify', 'error')
  const depth = readDepth(scope)
  const name = readName(scope)
  const sendName = readSwitch(scope, 'proxy-ssl-server-name', 'warning')
  const lowest = readProtocols(scope)
  const ciphers = readMatching(scope, 'proxy-ssl-ciphers', {
    test: isCipherList,
    expected: 'a list of cipher suites in the form of OpenSSL',
  })
  const closed =
    typeof secret === 'string' ? secret : verify === undefined ? 'proxy-ssl-verify cannot be read' : undefined
  if (closed !== undefined) return { wish: undefined, closed }
  const value: TlsWish = {
    verify: verify === true,
    sendName: sendName === true,
    guards: verify === true || secret !== undefined,
    ...(name === undefined ? {} : { name }),
    ...(depth === undefined ? {} : { depth }),
    ...(typeof secret === 'object' ? secret : {}),
    ...(lowest === undefined ? {} : { minVersion: lowest }),
    ...(ciphers === undefined || ciphers === 'DEFAULT' ? {} : { ciphers }),
  }
  return { wish: { value, key, at: scope.at(key) }, closed: undefined }
}

type SecretParts = Pick<TlsWish, 'ca' | 'client'>

/** A string says why it cannot be used. */
function readSecret(scope: Scope, resources: ResourceSet): SecretParts | string | undefined {
  const text = readText(scope, 'proxy-ssl-secret')
  if (text === undefined) return undefined
  const own = scope.resource.metadata.namespace
  const [namespace, name] = text.includes('/')
    ? [text.slice(0, text.indexOf('/')), text.slice(text.indexOf('/') + 1)]
    : [own, text]
  const refuse = (because: string): string => {
    report(scope, 'proxy-ssl-secret', {
      severity: 'error',
      expected: 'NAMESPACE/NAME of a Secret in the namespace of the Ingress',
      because,
      instead: 'the routes answer 503',
    })
    return `proxy-ssl-secret: ${because}`
  }
  if (!mayName(scope, namespace)) return refuse('another namespace')
  const secret = resources.get('Secret', namespace, name)
  if (secret === undefined) return refuse('no Secret of that name in any file')
  const parts = partsOf(secret)
  return typeof parts === 'string' ? refuse(parts) : parts
}

function partsOf(secret: Secret): SecretParts | string {
  const authorities = secret.data.get('ca.crt')
  const hasClient = secret.data.has('tls.crt') || secret.data.has('tls.key')
  if (authorities === undefined && !hasClient) return 'neither ca.crt nor tls.crt and tls.key in the Secret'
  const ca = authorities && parseChain(new TextDecoder().decode(authorities))
  if (typeof ca === 'string') return `a ca.crt that cannot be used: ${ca}`
  const client = hasClient ? parseCertificate(secret) : undefined
  if (client?.kind === 'unusable') return `a client certificate that cannot be used: ${client.problem.message}`
  return {
    ...(ca === undefined ? {} : { ca: ca.pem }),
    ...(client === undefined ? {} : { client: { certificate: client.spec.certificate, key: client.spec.key } }),
  }
}

/** `on` and `off` as in nginx, and what people write instead; `undefined` for anything else. */
function readSwitch(scope: Scope, name: string, severity: 'error' | 'warning'): boolean | undefined {
  const text = readText(scope, name)?.toLowerCase()
  if (text === undefined || text === 'off' || text === 'false') return false
  if (text === 'on' || text === 'true') return true
  report(scope, name, {
    severity,
    expected: 'on or off',
    instead: severity === 'error' ? 'the routes answer 503' : 'off is used',
  })
  return undefined
}

/** As in ingress-nginx 1 where there is a Secret, and 0 is the default too; of public authorities nobody knows it. */
function readDepth(scope: Scope): number | undefined {
  const usual = readText(scope, 'proxy-ssl-secret') === undefined ? undefined : 1
  if (readText(scope, 'proxy-ssl-verify-depth') === undefined) return usual
  return readInteger(scope, 'proxy-ssl-verify-depth', 1, { min: 0, max: 100 }) || 1
}

function readName(scope: Scope): string | undefined {
  const instead = 'the name of the Service is used'
  const text = readMatching(scope, 'proxy-ssl-name', {
    test: (each) => toAscii(each) !== undefined && !each.includes('*'),
    expected: 'a host name, without variables',
    instead,
  })
  return text === undefined ? undefined : toAscii(text)
}

/** The lowest one named, when that is above what is spoken anyway. */
function readProtocols(scope: Scope): 'TLSv1.3' | undefined {
  const words = readText(scope, 'proxy-ssl-protocols')?.split(/\s+/)
  if (words === undefined) return undefined
  const wrong = words.find((word) => word !== 'TLSv1.2' && word !== 'TLSv1.3')
  if (wrong !== undefined)
    report(scope, 'proxy-ssl-protocols', {
      expected: 'TLSv1.2, TLSv1.3 or both',
      because: wrong,
      instead: 'it is left out; nothing older than TLSv1.2 is spoken',
    })
  return words.includes('TLSv1.3') && !words.includes('TLSv1.2') ? 'TLSv1.3' : undefined
}

function isCipherList(text: string): boolean {
  return text.length <= 1024 && /^[A-Za-z0-9!@:,+=_ -]+$/.test(text)
}
