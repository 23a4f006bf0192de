import { createHash } from 'node:crypto'

/** Of a certificate in DER: SHA-256 in base64. */
export function fingerprint(certificate: Uint8Array): string {
  return createHash('sha256').update(certificate).digest('base64')
}
