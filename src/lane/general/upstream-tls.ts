/** How TLS is spoken to the endpoints of an upstream, ready for node:tls. */
import { createHash } from 'node:crypto'
import {
  checkServerIdentity,
  createSecureContext,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type SecureContext,
} from 'node:tls'
import { intermediatesOf } from '#lib/certificate-chain.ts'
import type { Upstream } from '#upstream/upstream.ts'

type UpstreamTlsSpec = NonNullable<Upstream['spec']['tls']>

export type UpstreamTls = {
  /** Connections are shared only by those who would make the same ones: everything above is in it. */
  readonly key: string
  readonly options: {
    readonly secureContext: SecureContext
    readonly rejectUnauthorized: boolean
    readonly servername?: string
    readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined
  }
}

/** Specs are plain data that never changes, so what was made of one holds for as long as it lives. */
const made = new WeakMap<UpstreamTlsSpec, UpstreamTls>()
const unverifiedSpec: UpstreamTlsSpec = { verify: false }

/** Throws for PEM or a list of ciphers that OpenSSL cannot read. Without a spec: unverified, no server name. */
export function upstreamTls(spec: UpstreamTlsSpec = unverifiedSpec): UpstreamTls {
  let tls = made.get(spec)
  if (tls === undefined) made.set(spec, (tls = make(spec)))
  return tls
}

function make(spec: UpstreamTlsSpec): UpstreamTls {
  const { verify, serverName, ca, client, minVersion, ciphers } = spec
  const secureContext = createSecureContext({
    ...(ca === undefined ? {} : { ca }),
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
  })
  return {
    key: createHash('sha256').update(JSON.stringify(spec)).digest('base64url'),
    options: {
      secureContext,
      rejectUnauthorized: verify,
      ...(serverName === undefined ? {} : { servername: serverName }),
      // Endpoints are addresses; what they must prove is the name in the spec, and without one they prove nothing. Not
      // asked about a session that is resumed, and node gives those of verified connections alone.
      checkServerIdentity: (_host, certificate) => (verify ? faultOf(certificate, spec) : undefined),
    },
  }
}

function faultOf(certificate: PeerCertificate, { name = '', depth }: UpstreamTlsSpec): Error | undefined {
  // Node hands over the whole chain, but its type does not say so.
  const between = depth === undefined ? 0 : intermediatesOf(certificate as DetailedPeerCertificate)
  if (depth === undefined || between <= depth) return checkServerIdentity(name, certificate)
  const message = `${between} authorities between the certificate and a believed one, ${depth} allowed`
  // As OpenSSL calls it.
  return Object.assign(new Error(message), { code: 'CERT_CHAIN_TOO_LONG' })
}
