/** What is stapled to handshakes: an authority's word that a certificate is not revoked. Travels to workers by itself. */
export type Staple = {
  /** `fingerprint` of the certificate. */
  readonly certificate: string
  /** An OCSPResponse as it came (RFC 6960 section 4.2.1). */
  readonly response: Uint8Array
}
