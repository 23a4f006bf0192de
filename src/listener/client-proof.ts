/** What a client has shown of itself in its handshake, in plain data. */
import type { TLSSocket } from 'node:tls'
import { intermediatesOf } from '#lib/certificate-chain.ts'
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
      intermediates: intermediatesOf(socket.getPeerCertificate(true)),
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
