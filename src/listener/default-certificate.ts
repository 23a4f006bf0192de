/** The certificate for clients that name no host we have one for. Self-signed, so that they can tell. */
import { generate } from 'selfsigned'
import type { PemPair } from './tls-contexts.ts'

const days = 365

/** Made once, when the program starts; takes some milliseconds. */
export async function createDefaultCertificate(now: Date): Promise<PemPair> {
  const notAfterDate = new Date(now.getTime() + days * 86_400_000)
  const made = await generate([{ name: 'commonName', value: 'Genkan default certificate' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // An hour back, for clients whose clock is behind.
    notBeforeDate: new Date(now.getTime() - 3_600_000),
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'genkan.invalid' }] },
    ],
  })
  return { certificate: made.cert, key: made.private }
}
