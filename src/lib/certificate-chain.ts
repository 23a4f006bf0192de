/** The chain of a certificate that was shown in a handshake. */

/** As node tells it; the one that ends a chain is its own issuer. */
export type ChainLink = { readonly issuerCertificate?: ChainLink }

/** Longer chains than OpenSSL builds. */
const longestChain = 100

/** Authorities between the certificate and the one that ends its chain, as far as the chain is known. */
export function intermediatesOf(certificate: ChainLink): number {
  let count = 0
  let each = certificate
  while (each.issuerCertificate !== undefined && each.issuerCertificate !== each && count < longestChain) {
    each = each.issuerCertificate
    count++
  }
  return Math.max(0, count - 1)
}
