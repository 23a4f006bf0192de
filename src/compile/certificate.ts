/**
 * A Secret → the certificate it holds. Parsing is costly, so the result is kept for as long as the Secret object lives;
 * it depends on nothing else, the time of day included.
 */
import type { KeyObject } from 'node:crypto'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { toAscii } from '#http/authority.ts'
import type { ProblemInit } from '#resource/problem.ts'
import type { Secret } from '#resource/resource.ts'
import type { CertificateSpec } from '#snapshot/snapshot.ts'

export type ParsedCertificate =
  | { readonly kind: 'usable'; readonly spec: CertificateSpec; readonly notBefore: number }
  | { readonly kind: 'unusable'; readonly problem: ProblemInit }

export function parseCertificate(secret: Secret): ParsedCertificate {
  const known = parsed.get(secret)
  if (known !== undefined) return known
  const result = parse(secret)
  parsed.set(secret, result)
  return result
}

/** Whether one of these names stands for the host; a wildcard is exactly one label (RFC 9525 section 6.3). */
export function covers(names: readonly string[], host: string): boolean {
  const dot = host.indexOf('.')
  const wildcard = dot < 1 ? undefined : `*${host.slice(dot)}`
  return names.includes(host) || (wildcard !== undefined && names.includes(wildcard))
}

/** Keyed by identity: a Secret that was read again is another object. */
const parsed = new WeakMap<Secret, ParsedCertificate>()

function parse(secret: Secret): ParsedCertificate {
  const certificate = secret.data.get('tls.crt')
  const key = secret.data.get('tls.key')
  if (certificate === undefined || key === undefined) {
    const missing = [certificate === undefined ? 'tls.crt' : '', key === undefined ? 'tls.key' : ''].filter(
      (name) => name !== '',
    )
    return unusable(
      'secret-without-certificate',
      [],
      `expected tls.crt and tls.key, found no ${missing.join(' and no ')}`,
    )
  }
  const chain = parseChain(textOf(certificate))
  if (typeof chain === 'string') return unusable('broken-certificate', ['data', 'tls.crt'], chain)
  const privateKey = parseKey(textOf(key))
  if (typeof privateKey === 'string') return unusable('broken-key', ['data', 'tls.key'], privateKey)
  const leaf = chain.certificates[0]!
  if (!leaf.checkPrivateKey(privateKey)) {
    const later = chain.certificates.some((each) => each.checkPrivateKey(privateKey))
    const hint = later
      ? 'it belongs to a later one of the chain; the certificate of the host must come first'
      : 'it belongs to another certificate'
    return unusable('key-mismatch', ['data', 'tls.key'], `the key does not fit the certificate: ${hint}`)
  }
  const spec: CertificateSpec = {
    id: `${secret.metadata.namespace}/${secret.metadata.name}`,
    certificate: chain.pem,
    key: textOf(key),
    names: namesOf(leaf),
    notAfter: Date.parse(leaf.validTo),
  }
  return { kind: 'usable', spec, notBefore: Date.parse(leaf.validFrom) }
}

function unusable(code: string, at: readonly string[], message: string): ParsedCertificate {
  return {
    kind: 'unusable',
    problem: { severity: 'error', code, at, message, instead: 'hosts that name it get the default certificate' },
  }
}

/** All certificates of a PEM text, text around them left out; a sentence when there is none or one cannot be read. */
export function parseChain(
  text: string,
): { readonly pem: string; readonly certificates: readonly X509Certificate[] } | string {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) return 'expected PEM with BEGIN CERTIFICATE, found none'
  const certificates: X509Certificate[] = []
  for (const [index, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(block))
    } catch {
      return `certificate ${index + 1} of ${blocks.length} cannot be read`
    }
  }
  return { pem: `${blocks.join('\n')}\n`, certificates }
}

function parseKey(text: string): KeyObject | string {
  if (/ENCRYPTED/.test(text)) return 'the key is encrypted, and there is nobody to ask for its passphrase'
  try {
    return createPrivateKey(text)
  } catch {
    return 'expected a PEM private key, found something that cannot be read as one'
  }
}

/** DNS names of the subject alternative names; the common name only counts where there are none, as in ingress-nginx. */
function namesOf(leaf: X509Certificate): readonly string[] {
  const alternatives = [...(leaf.subjectAltName ?? '').matchAll(/(?:^|, )DNS:("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(
    (match) => match[1]!,
  )
  const common = /^CN=(.*)$/m.exec(leaf.subject)?.[1]
  const names = alternatives.length > 0 ? alternatives : [common ?? '']
  return [...new Set(names.map((name) => toAscii(name)).filter((name) => name !== undefined))]
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
