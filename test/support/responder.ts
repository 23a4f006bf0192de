/** What an OCSP responder answers about test/fixtures/ocsp/leaf.crt, right or wrong in every way. */
import { sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BasicOCSPResponse,
  CertStatus,
  id_pkix_ocsp_basic,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  ResponderID,
  ResponseBytes,
  ResponseData,
  RevokedInfo,
  SingleResponse,
} from '@peculiar/asn1-ocsp'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, Certificate } from '@peculiar/asn1-x509'
import type { CertificateSpec } from '#snapshot/snapshot.ts'

export type Answer = {
  readonly thisUpdate: Date
  readonly nextUpdate?: Date
  readonly status?: 'good' | 'revoked' | 'unknown'
  /** Who signs it; with a certificate in the answer unless it is the root. */
  readonly signer?: 'root' | 'delegate' | 'leaf'
  readonly signatureAlgorithm?: string
  /** About another serial number. */
  readonly foreign?: boolean
  /** Algorithms without parameters, where the question has the empty ones. */
  readonly bare?: boolean
  /** After it was signed. */
  readonly tampered?: boolean
}

export function ocspFile(name: string): string {
  return readFileSync(join(import.meta.dirname, '..', 'fixtures', 'ocsp', name), 'utf8')
}

export const ocspChain = ocspFile('leaf.crt') + ocspFile('root.crt')

export const ocspCertificate: CertificateSpec = {
  id: 'test/ocsp',
  certificate: ocspChain,
  key: ocspFile('leaf.key'),
  names: ['shop.test'],
  notAfter: Infinity,
}

export function answerTo(request: Uint8Array, answer: Answer): Uint8Array {
  const { status = 'good', signer = 'root', signatureAlgorithm = '1.2.840.10045.4.3.2' } = answer
  const { reqCert } = AsnConvert.parse(request, OCSPRequest).tbsRequest.requestList[0]!
  if (answer.foreign === true) reqCert.serialNumber = new Uint8Array([1]).buffer
  if (answer.bare === true) delete reqCert.hashAlgorithm.parameters
  const { thisUpdate, nextUpdate } = answer
  const revoked = new RevokedInfo({ revocationTime: thisUpdate })
  const single = new SingleResponse({
    certID: reqCert,
    certStatus: new CertStatus(status === 'revoked' ? { revoked } : { [status]: null }),
    thisUpdate,
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
  })
  const certificate = AsnConvert.parse(new X509Certificate(ocspFile(`${signer}.crt`)).raw, Certificate)
  const data = new ResponseData({
    responderID: new ResponderID({ byName: certificate.tbsCertificate.subject }),
    producedAt: thisUpdate,
    responses: [single],
  })
  const signed = Buffer.from(AsnConvert.serialize(data))
  const signature = sign('sha256', signed, ocspFile(`${signer}.key`))
  if (answer.tampered === true) signature[signature.length - 1]! ^= 1
  const basic = new BasicOCSPResponse({
    tbsResponseData: data,
    signatureAlgorithm: new AlgorithmIdentifier({ algorithm: signatureAlgorithm }),
    signature: new Uint8Array(signature).buffer,
    ...(signer === 'root' ? {} : { certs: [certificate] }),
  })
  const response = new OctetString(AsnConvert.serialize(basic))
  return wrapped(OCSPResponseStatus.successful, new ResponseBytes({ responseType: id_pkix_ocsp_basic, response }))
}

export function refusal(): Uint8Array {
  return wrapped(OCSPResponseStatus.unauthorized, undefined)
}

function wrapped(responseStatus: OCSPResponseStatus, responseBytes: ResponseBytes | undefined): Uint8Array {
  const response = new OCSPResponse({ responseStatus, ...(responseBytes === undefined ? {} : { responseBytes }) })
  return new Uint8Array(AsnConvert.serialize(response))
}
