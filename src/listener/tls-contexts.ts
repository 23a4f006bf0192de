/**
 * Certificates by server name, as running TLS contexts. A new snapshot replaces the table by one assignment; contexts
 * are kept by content, so that a reload builds only what has changed, and open connections keep the one they have.
 */
import { createHash } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { CertificateSpec, TlsHostSpec } from '#snapshot/snapshot.ts'
import type { Log } from '#telemetry/log.ts'
import { canonicalName } from './client-hello.ts'

export type PemPair = { readonly certificate: string; readonly key: string }

/** A certificate in use, and what it was made of. */
type Entry = { readonly context: SecureContext; readonly pair: PemPair }

type Table = {
  readonly exact: ReadonlyMap<string, Entry>
  /** Keyed by what follows `*`, the dot included. */
  readonly wildcard: ReadonlyMap<string, Entry>
}

/** Mozilla's intermediate profile: forward secrecy and AEAD only. TLS 1.3 suites are always on. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

export const tlsDefaults: SecureContextOptions = { minVersion: 'TLSv1.2', ciphers, honorCipherOrder: false }

export class TlsContexts {
  readonly #log: Log
  readonly fallback: PemPair
  readonly #fallback: Entry
  #byContent: ReadonlyMap<string, Entry>
  readonly #digests = new WeakMap<CertificateSpec, string>()
  #table: Table

  /** Throws when the default certificate and key do not fit: nothing could be served over TLS. */
  constructor(fallback: PemPair, log: Log) {
    this.#log = log
    this.fallback = fallback
    this.#fallback = { context: contextOf(fallback), pair: fallback }
    this.#byContent = new Map()
    this.#table = { exact: new Map(), wildcard: new Map() }
  }

  /** A certificate that OpenSSL refuses costs only its own hosts: they get the default one. */
  use(certificates: readonly CertificateSpec[], hosts: readonly TlsHostSpec[]): void {
    const work = this.replace(certificates, hosts)
    while (work.next().done !== true);
  }

  /** The same, but it yields before every certificate that takes time; what it replaces is in use until it has ended. */
  *replace(certificates: readonly CertificateSpec[], hosts: readonly TlsHostSpec[]): Generator<void, void> {
    const byContent = new Map<string, Entry>()
    const byId = new Map<string, Entry>()
    for (const spec of certificates) {
      if (!this.#digests.has(spec)) yield
      const content = this.#digestOf(spec)
      const entry = this.#byContent.get(content) ?? byContent.get(content) ?? this.#build(spec)
      if (entry === undefined) continue
      byContent.set(content, entry)
      byId.set(spec.id, entry)
    }
    yield
    const exact = new Map<string, Entry>()
    const wildcard = new Map<string, Entry>()
    for (const { host, certificate } of hosts) {
      const entry = byId.get(certificate)
      if (entry === undefined) continue
      if (host.startsWith('*.')) wildcard.set(host.slice(1), entry)
      else exact.set(host, entry)
    }
    this.#byContent = byContent
    this.#table = { exact, wildcard }
  }

  /** Exact name, then the wildcard of its parent, else the default. Names compare without case and trailing dot. */
  select(serverName: string): SecureContext {
    return this.#find(serverName).context
  }

  /** What `select` presents. The same object for as long as the content stays. */
  pairFor(serverName: string): PemPair {
    return this.#find(serverName).pair
  }

  #find(serverName: string): Entry {
    const name = canonicalName(serverName)
    const dot = name.indexOf('.')
    return (
      this.#table.exact.get(name) ?? (dot > 0 ? this.#table.wildcard.get(name.slice(dot)) : undefined) ?? this.#fallback
    )
  }

  #digestOf(spec: CertificateSpec): string {
    let content = this.#digests.get(spec)
    if (content === undefined) this.#digests.set(spec, (content = digest(spec)))
    return content
  }

  #build(spec: CertificateSpec): Entry | undefined {
    try {
      return { context: contextOf(spec), pair: { certificate: spec.certificate, key: spec.key } }
    } catch (error) {
      this.#log.warn('a certificate cannot be used', { certificate: spec.id, error: String(error) })
      return undefined
    }
  }
}

function contextOf({ certificate, key }: PemPair): SecureContext {
  return createSecureContext({ ...tlsDefaults, cert: certificate, key })
}

function digest({ certificate, key }: PemPair): string {
  return createHash('sha256').update(certificate).update('\0').update(key).digest('base64')
}
