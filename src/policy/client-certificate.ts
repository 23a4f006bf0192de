/**
 * Asks for a client certificate as ingress-nginx does: 400 without one or with one that is not believed, 403 for the
 * wrong name. What is known of the client travels to the endpoint in fields that no client can write.
 *
 * The certificate belongs to the connection, and a connection to the server name it was opened for. A request for
 * another host than that, as HTTP/2 clients may send where one certificate covers both, is told to open its own (421).
 */
import { remove } from '#http/fields.ts'
import { compilePattern } from '#lib/pattern.ts'
import type { ClientCertificate, FilterContext, HandshakeFacts, RefusalCause, Reply } from './policy.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'

export type ClientCertificateConfig = {
  /** Id of the `ClientAuthSpec` that connections must have been verified against. */
  readonly auth: string
  /**
   * `on`: nobody passes without. `optional`: a certificate that is shown must be good. `optional_no_ca`: nor need
   * anybody have signed it. `off`: nobody is asked.
   */
  readonly mode: 'on' | 'optional' | 'optional_no_ca' | 'off'
  /** The most authorities that may stand between a certificate and the one we believe. */
  readonly depth: number
  /** Must match somewhere in the subject. Runs on the linear-time engine of lib/. */
  readonly subject: string | undefined
  /** Where clients are sent in place of 400. */
  readonly errorPage: string | undefined
  /** The endpoint gets the whole certificate. */
  readonly pass: boolean
  /** Requests over http are answered with a redirect to https. */
  readonly redirects: boolean
}

export const clientCertificate = definePolicy<ClientCertificateConfig>({
  kind: 'client-certificate',
  create: (config) => {
    const isExpected = subjectTest(config.subject)
    return {
      onRequest: (context) => {
        const { tls } = context.connection
        for (const name of fieldNames) remove(context.sent.fields, name)
        if (tls === undefined && willRedirect(config, context)) return undefined
        if (tls !== undefined && isMisdirected(config, tls, context)) return refuse(421, 'misdirected')
        const certificate = tls?.client?.certificate
        const verdict = judge(config, certificate)
        if (verdict.refusal !== undefined) return refusalOf(config, verdict.refusal, verdict.says)
        if (!isExpected(certificate?.subject ?? ''))
          return { ...refuse(403, 'certificate_denied'), detail: certificate?.subject ?? '' }
        tell(config, context, { certificate, says: verdict.says })
        return undefined
      },
    }
  },
})

const fieldNames = ['ssl-client-verify', 'ssl-client-subject-dn', 'ssl-client-issuer-dn', 'ssl-client-cert']

/** compile refuses expressions that cannot be run; one that got here all the same matches nobody. */
function subjectTest(source: string | undefined): (subject: string) => boolean {
  if (source === undefined) return () => true
  const compiled = compilePattern(source)
  return compiled.ok ? compiled.pattern.test : () => false
}

/** Exactly where the policy https-redirect answers. */
function willRedirect({ redirects }: ClientCertificateConfig, { client, host }: FilterContext): boolean {
  return redirects && client.scheme === 'http' && host !== ''
}

/** Opened for another name, or before this was asked of it: a new connection will do. */
function isMisdirected({ auth, mode }: ClientCertificateConfig, tls: HandshakeFacts, { host }: FilterContext): boolean {
  if (mode === 'off') return false
  return tls.client?.auth !== auth || (tls.serverName !== undefined && tls.serverName !== host)
}

type Verdict = {
  /** `SUCCESS`, `NONE`, or `FAILED:` with the reason, as nginx says it. */
  readonly says: string
  readonly refusal: 'certificate_required' | 'certificate_invalid' | undefined
}

function judge({ mode, depth }: ClientCertificateConfig, certificate: ClientCertificate | undefined): Verdict {
  if (certificate === undefined) return { says: 'NONE', refusal: mode === 'on' ? 'certificate_required' : undefined }
  const tooLong = certificate.intermediates > depth ? 'CERT_CHAIN_TOO_LONG' : undefined
  const error = certificate.error ?? tooLong
  if (error === undefined) return { says: 'SUCCESS', refusal: undefined }
  const tolerated = mode === 'optional_no_ca' && unsigned.has(error)
  return { says: `FAILED:${describe(error)}`, refusal: tolerated ? undefined : 'certificate_invalid' }
}

function refusalOf({ errorPage }: ClientCertificateConfig, cause: RefusalCause, detail: string): Reply {
  if (errorPage === undefined) return { ...refuse(400, cause), detail }
  return { status: 302, fields: ['Location', errorPage, 'Cache-Control', 'no-store'], body: '', cause, detail }
}

type Known = { readonly certificate: ClientCertificate | undefined; readonly says: string }

function tell({ pass }: ClientCertificateConfig, { sent }: FilterContext, { certificate, says }: Known): void {
  sent.fields.push('ssl-client-verify', says)
  if (certificate === undefined) return
  sent.fields.push('ssl-client-subject-dn', certificate.subject, 'ssl-client-issuer-dn', certificate.issuer)
  if (pass) sent.fields.push('ssl-client-cert', encodeURIComponent(certificate.pem))
}

/** What nginx forgives with optional_no_ca: that no authority of ours vouches for it. */
const unsigned: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
])

/** OpenSSL's words, which endpoints know from nginx. */
const descriptions: ReadonlyMap<string, string> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'unable to get issuer certificate'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unable to get local issuer certificate'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate'],
  ['CERT_CHAIN_TOO_LONG', 'certificate chain too long'],
  ['CERT_HAS_EXPIRED', 'certificate has expired'],
  ['CERT_NOT_YET_VALID', 'certificate is not yet valid'],
  ['CERT_REVOKED', 'certificate revoked'],
  ['CERT_UNTRUSTED', 'certificate not trusted'],
  ['CERT_SIGNATURE_FAILURE', 'certificate signature failure'],
  ['UNABLE_TO_GET_CRL', 'unable to get certificate CRL'],
  ['CRL_HAS_EXPIRED', 'CRL has expired'],
  ['CRL_NOT_YET_VALID', 'CRL is not yet valid'],
  ['INVALID_CA', 'invalid CA certificate'],
  ['INVALID_PURPOSE', 'unsuitable certificate purpose'],
  ['PATH_LENGTH_EXCEEDED', 'path length constraint exceeded'],
])

function describe(error: string): string {
  return descriptions.get(error) ?? error.toLowerCase().replaceAll('_', ' ')
}
