/** `auth-tls-…` → what clients must show of themselves. What asks for protection and cannot be had closes the routes. */
import { createHash } from 'node:crypto'
import type { ClientCertificateConfig } from '#policy/client-certificate.ts'
import { compilePattern } from '#lib/pattern.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Secret } from '#resource/resource.ts'
import type { ClientAuthSpec } from '#snapshot/snapshot.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import { parseChain } from '../certificate.ts'
import type { Scope } from '../setting.ts'
import { mayName, readBoolean, readInteger, readMatching, readText, readWord } from '../setting.ts'

const host =
  'It counts for every route of the hosts of the Ingress, whoever wrote it; the oldest Ingress of a host decides.'

export const clientCertificates: AnnotationGroup = {
  title: 'Client certificates',
  rows: [
    honoured(
      'auth-tls-secret',
      '`NAMESPACE/NAME` or `NAME` of a Secret in the namespace of the Ingress',
      `Clients must show a certificate that an authority in its \`ca.crt\` has signed and its \`ca.crl\`, where there is one, does not revoke. A Secret that is missing, foreign or cannot be used closes the hosts: 503. ${host}`,
      {
        guards: true,
        difference:
          'Over plain http nobody passes where a certificate is required. Another Ingress of the host that asks for something else answers 503, and a connection that was made for another server name gets 421. Sessions are never resumed.',
      },
    ),
    honoured(
      'auth-tls-verify-client',
      'on, off, optional, optional_no_ca (on)',
      'Without a certificate 400, unless it is optional; with one that is not believed 400, unless with `optional_no_ca` nobody we believe has signed it. With `off` nobody is asked.',
      { guards: true },
    ),
    honoured(
      'auth-tls-verify-depth',
      'a whole number (1)',
      'The most authorities that may stand between a certificate and the one in `ca.crt` that ends its chain.',
    ),
    honoured(
      'auth-tls-error-page',
      'a URL with http or https',
      'Clients are sent there with 302 instead of getting 400. A named location (`@name`) needs nginx configuration text: 400 stays.',
    ),
    honoured(
      'auth-tls-pass-certificate-to-upstream',
      'true, false (false)',
      'The endpoint gets the certificate in `ssl-client-cert`, as URL-encoded PEM. In any case it gets `ssl-client-verify`, `ssl-client-subject-dn` and `ssl-client-issuer-dn`. A client that sends such fields itself is not heard.',
    ),
    honoured(
      'auth-tls-match-cn',
      'a regular expression such as `CN=(a|b)`',
      'It must match somewhere in the subject, else 403. An expression that cannot be matched closes the hosts.',
      { guards: true },
    ),
  ],
}

/** What a host asks for; `auth` of the policy and of the handshake are one. */
export type ClientAuthWish = {
  readonly authorities: ClientAuthSpec
  readonly rules: Omit<ClientCertificateConfig, 'auth' | 'redirects'>
}

export type ReadClientAuth = {
  readonly wish: ClientAuthWish | undefined
  /** Why the hosts are closed. */
  readonly closed: string | undefined
}

export const noClientAuth: ReadClientAuth = { wish: undefined, closed: undefined }

const names = clientCertificates.rows.map(({ name }) => name)
const shut = 'the hosts answer 503 rather than be served without it'

export function readClientAuth(scope: Scope, resources: ResourceSet): ReadClientAuth {
  if (names.every((name) => readText(scope, name) === undefined)) return noClientAuth
  const refuse = (name: string, message: string): ReadClientAuth => {
    const problem = { code: 'protection-not-possible', at: scope.at(name), message: `${name}: ${message}` } as const
    scope.problems.push(problemOf(scope.resource, { ...problem, severity: 'error', instead: shut }))
    return { wish: undefined, closed: problem.message }
  }
  const mode =
    readWord(scope, 'auth-tls-verify-client', ['on', 'off', 'optional', 'optional_no_ca'], 'on is used') ?? 'on'
  const subject = readText(scope, 'auth-tls-match-cn')
  const text = readText(scope, 'auth-tls-secret')
  if (text === undefined) return withoutSecret(scope, { mode, subject }, refuse)
  const own = scope.resource.metadata.namespace
  const [namespace, name] = text.includes('/') ? splitName(text) : [own, text]
  if (!mayName(scope, namespace)) return refuse('auth-tls-secret', `the Secret ${text} is in another namespace`)
  const secret = resources.get('Secret', namespace, name)
  if (secret === undefined) return refuse('auth-tls-secret', `the Secret ${namespace}/${name} is in no file`)
  const authorities = authoritiesOf(secret)
  if (typeof authorities === 'string')
    return refuse('auth-tls-secret', `the Secret ${namespace}/${name} has ${authorities}`)
  const compiled = subject === undefined ? undefined : compilePattern(subject)
  if (compiled?.ok === false) return refuse('auth-tls-match-cn', compiled.problem)
  const rules = {
    mode,
    subject,
    // As in ingress-nginx, 0 is the default too.
    depth: readInteger(scope, 'auth-tls-verify-depth', 1, { min: 0, max: 100 }) || 1,
    errorPage: readErrorPage(scope),
    pass: readBoolean(scope, 'auth-tls-pass-certificate-to-upstream', false),
  }
  return { wish: { authorities, rules }, closed: undefined }
}

type Refuse = (name: string, message: string) => ReadClientAuth

/** ingress-nginx would let everybody in. */
function withoutSecret(
  scope: Scope,
  { mode, subject }: Pick<ClientAuthWish['rules'], 'mode' | 'subject'>,
  refuse: Refuse,
): ReadClientAuth {
  const because = 'it does nothing without auth-tls-secret'
  if (subject !== undefined) return refuse('auth-tls-match-cn', because)
  const name = names.find((each) => readText(scope, each) !== undefined)!
  if (mode === 'on' && scope.value('auth-tls-verify-client') !== undefined)
    return refuse('auth-tls-verify-client', because)
  if (mode === 'off') return noClientAuth
  const problem = { code: 'incomplete-annotation', at: scope.at(name), message: `${name}: ${because}` } as const
  scope.problems.push(
    problemOf(scope.resource, { ...problem, severity: 'warning', instead: 'clients are asked for nothing' }),
  )
  return noClientAuth
}

function splitName(text: string): readonly [string, string] {
  const slash = text.indexOf('/')
  return [text.slice(0, slash), text.slice(slash + 1)]
}

/** A string says what is wrong with it. */
function authoritiesOf(secret: Secret): ClientAuthSpec | string {
  const certificates = secret.data.get('ca.crt')
  if (certificates === undefined) return 'no key ca.crt'
  const ca = parseChain(new TextDecoder().decode(certificates))
  if (typeof ca === 'string') return `a ca.crt that cannot be used: ${ca}`
  const lists = secret.data.get('ca.crl')
  const crl = lists && parseRevocations(new TextDecoder().decode(lists))
  if (crl === 'unreadable') return 'a ca.crl that cannot be used: expected PEM with BEGIN X509 CRL'
  const content = createHash('sha256')
    .update(ca.pem)
    .update('\0')
    .update(crl ?? '')
    .digest('hex')
  const id = `${secret.metadata.namespace}/${secret.metadata.name} ${content.slice(0, 32)}`
  return crl === undefined ? { id, ca: ca.pem } : { id, ca: ca.pem, crl }
}

/** PEM blocks only; what is in them is judged by OpenSSL, where the handshake is made, and closes the hosts there. */
function parseRevocations(text: string): string {
  const blocks = text.match(/-----BEGIN X509 CRL-----[A-Za-z0-9+/=\s]+-----END X509 CRL-----/g)
  return blocks === null ? 'unreadable' : `${blocks.join('\n')}\n`
}

function readErrorPage(scope: Scope): string | undefined {
  return readMatching(scope, 'auth-tls-error-page', {
    test: (text) => /^https?:\/\/[\x21-\x7e]+$/.test(text) && URL.canParse(text),
    expected: 'a URL with http or https',
    instead: 'clients get 400',
  })
}
