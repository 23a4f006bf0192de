/**
 * Certificates by server name, as running TLS contexts. A new snapshot replaces the table by one assignment; contexts
 * are kept by content, so that a reload builds only what has changed, and open connections keep the one they have.
 */
import { createHash } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { CertificateSpec, TlsHostSpec, TlsSettingsSpec } from '#snapshot/snapshot.ts'
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

/** On whenever TLS 1.3 is; the lists of users are about TLS 1.2. */
const suites13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

/** Mozilla's intermediate profile: forward secrecy and AEAD only. */
const suites12 = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]

/** A list for TLS 1.2, in the form of OpenSSL, as node wants it. */
export function withSuites13(ciphers: string): string {
  return `${suites13.join(':')}:${ciphers}`
}

/** As if nobody had named any; `auto` leaves the groups to OpenSSL. */
const usualLists = { ciphers: withSuites13(suites12.join(':')), ecdhCurve: 'auto' } as const

function tlsOptions({
  minVersion,
  maxVersion,
  ciphers,
  curves,
  sessionSeconds,
}: TlsSettingsSpec): SecureContextOptions {
  return {
    minVersion: minVersion ?? 'TLSv1.2',
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ciphers: withSuites13(ciphers ?? suites12.join(':')),
    honorCipherOrder: false,
    ...(curves === undefined ? {} : { ecdhCurve: curves }),
    ...(sessionSeconds === undefined ? {} : { sessionTimeout: sessionSeconds }),
  }
}

export class TlsContexts {
  readonly #log: Log
  readonly fallback: PemPair
  #fallback: Entry
  #options: SecureContextOptions
  /** What was asked for last, be it in use or not. */
  #asked: string
  #byContent: ReadonlyMap<string, Entry>
  readonly #digests = new WeakMap<CertificateSpec, string>()
  #table: Table

  /** Throws when the default certificate and key do not fit: nothing could be served over TLS. */
  constructor(fallback: PemPair, log: Log) {
    this.#log = log
    this.fallback = fallback
    this.#options = tlsOptions({})
    this.#asked = JSON.stringify(this.#options)
    this.#fallback = { context: contextOf(fallback, this.#options), pair: fallback }
    this.#byContent = new Map()
    this.#table = { exact: new Map(), wildcard: new Map() }
  }

  /** A certificate that OpenSSL refuses costs only its own hosts: they get the default one. */
  use(certificates: readonly CertificateSpec[], hosts: readonly TlsHostSpec[], settings: TlsSettingsSpec = {}): void {
    const work = this.replace(certificates, hosts, settings)
    while (work.next().done !== true);
  }

  /** The same, but it yields before every certificate that takes time; what it replaces is in use until it has ended. */
  *replace(
    certificates: readonly CertificateSpec[],
    hosts: readonly TlsHostSpec[],
    settings: TlsSettingsSpec = {},
  ): Generator<void, void> {
    this.#settle(settings)
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

  /** Of every context, for servers; a new object when they change. */
  get options(): SecureContextOptions {
    return this.#options
  }

  /**
   * Exact name, then the wildcard of its parent. Names compare without case and trailing dot. `undefined`: the default
   * certificate, which a server has shown to it from the start; choosing it once more would cost every handshake.
   */
  select(serverName: string): SecureContext | undefined {
    const entry = this.#find(serverName)
    return entry === this.#fallback ? undefined : entry.context
  }

  /** What such a handshake presents. The same object for as long as the content stays. */
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

  /**
   * Lists that OpenSSL refuses are left out, and nothing else: versions count all the same. Contexts are made anew: each
   * has its own lists.
   */
  #settle(settings: TlsSettingsSpec): void {
    const asked = tlsOptions(settings)
    const text = JSON.stringify(asked)
    if (text === this.#asked) return
    this.#asked = text
    try {
      this.#change(asked)
    } catch (error) {
      this.#log.error('ciphers and curves of the ConfigMap cannot be used, the usual ones are', {
        error: String(error),
      })
      this.#change({ ...asked, ...usualLists })
    }
  }

  #change(options: SecureContextOptions): void {
    this.#fallback = { context: contextOf(this.fallback, options), pair: this.fallback }
    this.#options = options
    this.#byContent = new Map()
  }

  #digestOf(spec: CertificateSpec): string {
    let content = this.#digests.get(spec)
    if (content === undefined) this.#digests.set(spec, (content = digest(spec)))
    return content
  }

  #build(spec: CertificateSpec): Entry | undefined {
    try {
      return { context: contextOf(spec, this.#options), pair: { certificate: spec.certificate, key: spec.key } }
    } catch (error) {
      this.#log.warn('a certificate cannot be used', { certificate: spec.id, error: String(error) })
      return undefined
    }
  }
}

function contextOf({ certificate, key }: PemPair, options: SecureContextOptions): SecureContext {
  return createSecureContext({ ...options, cert: certificate, key })
}

function digest({ certificate, key }: PemPair): string {
  return createHash('sha256').update(certificate).update('\0').update(key).digest('base64')
}
