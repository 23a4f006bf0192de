/** What a client has shown of itself in its handshake, in plain data. */
import type { TLSSocket } from 'node:tls'
import type { TlsFacts } from '#proxy/connection.ts'

export type ClientProof = NonNullable<TlsFacts['client']>

/** `auth`: id of the `ClientAuthSpec` that the socket's server verifies against. */
export function clientProof(socket: TLSSocket, auth: string): ClientProof {
  const shown = socket.getPeerX509Certificate()
  if (shown === undefined) return { auth, certificate: undefined }
  // Only of a certificate: without one, what node says about authorization means nothing.
  const error = socket.authorized ? undefined : String(socket.authorizationError)
  return {
    auth,
    certificate: {
      subject: distinguishedName(shown.subject),
      issuer: distinguishedName(shown.issuer),
      pem: shown.toString(),
      intermediates: intermediatesOf(socket),
      error,
    },
  }
}

/**
 * Node's form of a name, one line for each part, as RFC 2253 has it and nginx tells it: the last part first, commas
 * between, parts of several values joined by `+`, and nothing but ASCII. Node has escaped what separates parts.
 */
export function distinguishedName(lines: string): string {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .toReversed()
    .map((line) => line.split(' + ').toReversed().join('+'))
    .join(',')
    .replace(/[^\x20-\x7e]+/gu, escapeBytes)
}

function escapeBytes(text: string): string {
  return [...Buffer.from(text, 'utf8')].map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

/** Longer chains than OpenSSL builds. */
const longestChain = 100

/** Between the certificate and the one that ends its chain, as far as the chain is known. */
function intermediatesOf(socket: TLSSocket): number {
  let count = 0
  let each = socket.getPeerCertificate(true)
  while (each.issuerCertificate !== undefined && each.issuerCertificate !== each && count < longestChain) {
    each = each.issuerCertificate
    count++
  }
  return Math.max(0, count - 1)
}
