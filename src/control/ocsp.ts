/**
 * What is asked about a certificate, and what an answer is worth (RFC 6960, with the profile of RFC 5019: one certificate,
 * no nonce, so that responders may answer from a store). Nothing here reads a clock or a socket.
 */
import { createHash, verify, X509Certificate } from 'node:crypto'
import {
  BasicOCSPResponse,
  CertID,
  id_pkix_ocsp_basic,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  Request,
  type SingleResponse,
  TBSRequest,
} from '@peculiar/asn1-ocsp'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, Certificate } from '@peculiar/asn1-x509'
import { fingerprint } from '#lib/fingerprint.ts'

export type Question = {
  readonly fingerprint: string
  /** `http://…` */
  readonly responder: string
  /** An OCSPRequest. */
  readonly request: Uint8Array
  /** `now` in milliseconds since the epoch. */
  readonly judge: (response: Uint8Array, now: number) => Verdict
}

export type Verdict =
  /** Milliseconds since the epoch: the answer counts for longer than now, and until then. */
  | { readonly kind: 'good'; readonly until: number }
  /** The authority has taken the certificate back. */
  | { readonly kind: 'revoked' }
  | { readonly kind: 'unusable'; readonly reason: string }

/** `pem`: a certificate and those of its authorities. A string says why nobody can be asked. */
export function questionOf(pem: string): Question | string {
  const [leaf, ...others] = (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (each) => new X509Certificate(each),
  )
  if (leaf === undefined) return 'there is no certificate'
  const responder = /^OCSP - URI:(http:\/\/[\x21-\x7e]+)$/m.exec(leaf.infoAccess ?? '')?.[1]
  if (responder === undefined || !URL.canParse(responder)) return 'the certificate names no responder with http'
  const issuer = others.find((each) => leaf.checkIssued(each) && leaf.verify(each.publicKey))
  if (issuer === undefined) return 'the authority that signed the certificate is not in its chain'
  const id = certIdOf(leaf, issuer)
  const tbsRequest = new TBSRequest({ requestList: [new Request({ reqCert: id })] })
  return {
    fingerprint: fingerprint(leaf.raw),
    responder,
    request: new Uint8Array(AsnConvert.serialize(new OCSPRequest({ tbsRequest }))),
    judge: (response, now) => {
      try {
        return judge(response, { id, issuer, now })
      } catch (error) {
        return unusable(`it cannot be read: ${error instanceof Error ? error.message : String(error)}`)
      }
    },
  }
}

/** Clocks differ. */
const toleranceMs = 5 * 60_000
/** For answers that do not say when there will be another one. */
const unboundedMs = 60 * 60_000
const ocspSigning = '1.3.6.1.5.5.7.3.9'
const sha1 = '1.3.14.3.2.26'

function certIdOf(leaf: X509Certificate, issuer: X509Certificate): CertID {
  const own = AsnConvert.parse(leaf.raw, Certificate).tbsCertificate
  const authority = AsnConvert.parse(issuer.raw, Certificate).tbsCertificate
  return new CertID({
    // Of no matter for safety, and the only one that all responders know (RFC 5019 section 2.1.1).
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: sha1, parameters: null }),
    issuerNameHash: new OctetString(digest(AsnConvert.serialize(own.issuer))),
    issuerKeyHash: new OctetString(digest(authority.subjectPublicKeyInfo.subjectPublicKey)),
    serialNumber: own.serialNumber,
  })
}

function digest(bytes: ArrayBuffer): Buffer {
  return createHash('sha1').update(new Uint8Array(bytes)).digest()
}

type Against = { readonly id: CertID; readonly issuer: X509Certificate; readonly now: number }

function judge(bytes: Uint8Array, { id, issuer, now }: Against): Verdict {
  const { responseStatus, responseBytes } = AsnConvert.parse(bytes, OCSPResponse)
  if (responseStatus !== OCSPResponseStatus.successful) return unusable(`the responder says ${responseStatus}`)
  if (responseBytes?.responseType !== id_pkix_ocsp_basic) return unusable('it is of an unknown type')
  const basic = AsnConvert.parse(responseBytes.response.buffer, BasicOCSPResponse)
  if (!isSigned(basic, issuer, now)) return unusable('nobody who may speak for the authority has signed it')
  const single = basic.tbsResponseData.responses.find(({ certID }) => isSame(certID, id))
  if (single === undefined) return unusable('it is about another certificate')
  return judgeSingle(single, now)
}

function judgeSingle({ certStatus, thisUpdate, nextUpdate }: SingleResponse, now: number): Verdict {
  if (thisUpdate.getTime() > now + toleranceMs) return unusable('it is from the future')
  const until = nextUpdate === undefined ? thisUpdate.getTime() + unboundedMs : nextUpdate.getTime()
  if (until <= now) return unusable('it is too old')
  if (certStatus.revoked !== undefined) return { kind: 'revoked' }
  return certStatus.good === undefined
    ? unusable('the responder does not know the certificate')
    : { kind: 'good', until }
}

/** By the authority itself, or by somebody it has made a certificate for this purpose for (section 4.2.2.2). */
function isSigned(basic: BasicOCSPResponse, issuer: X509Certificate, now: number): boolean {
  const { tbsResponseDataRaw: signed, signature, signatureAlgorithm, certs = [] } = basic
  const hash = hashes.get(signatureAlgorithm.algorithm)
  if (signed === undefined || hash === undefined) return false
  const delegates = certs
    .map((each) => new X509Certificate(Buffer.from(AsnConvert.serialize(each))))
    .filter((each) => maySpeak(each, issuer, now))
  const [bytes, proof] = [new Uint8Array(signed), new Uint8Array(signature)]
  return [issuer, ...delegates].some(({ publicKey }) => verify(hash.name, bytes, publicKey, proof))
}

function maySpeak(delegate: X509Certificate, issuer: X509Certificate, now: number): boolean {
  return (
    delegate.checkIssued(issuer) &&
    delegate.verify(issuer.publicKey) &&
    delegate.keyUsage?.includes(ocspSigning) &&
    Date.parse(delegate.validFrom) <= now + toleranceMs &&
    Date.parse(delegate.validTo) > now
  )
}

/** By signature algorithm. SHA-1 is not among them. */
const hashes: ReadonlyMap<string, { readonly name: string | null }> = new Map([
  ['1.2.840.113549.1.1.11', { name: 'sha256' }],
  ['1.2.840.113549.1.1.12', { name: 'sha384' }],
  ['1.2.840.113549.1.1.13', { name: 'sha512' }],
  ['1.2.840.10045.4.3.2', { name: 'sha256' }],
  ['1.2.840.10045.4.3.3', { name: 'sha384' }],
  ['1.2.840.10045.4.3.4', { name: 'sha512' }],
  ['1.3.101.112', { name: null }],
])

/** Parameters of SHA-1 may be absent or empty, which is the same (RFC 3370 section 2.1). */
function isSame(a: CertID, b: CertID): boolean {
  return (
    a.hashAlgorithm.algorithm === b.hashAlgorithm.algorithm &&
    areSameBytes(a.issuerNameHash.buffer, b.issuerNameHash.buffer) &&
    areSameBytes(a.issuerKeyHash.buffer, b.issuerKeyHash.buffer) &&
    areSameBytes(a.serialNumber, b.serialNumber)
  )
}

function areSameBytes(a: ArrayBuffer, b: ArrayBuffer): boolean {
  return Buffer.from(a).equals(Buffer.from(b))
}

function unusable(reason: string): Verdict {
  return { kind: 'unusable', reason }
}
