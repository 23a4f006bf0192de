/** Annotations about TLS towards clients and towards endpoints. */
import type { HostTlsSpec } from '#snapshot/snapshot.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured, never, noEffect, off } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readText, report } from '../setting.ts'
import { readCipherList } from './cipher-list.ts'

const first = 'The oldest Ingress that has a `proxy-ssl-…` counts for all routes of a Service port.'
const ofHost = 'It counts for the whole host; the oldest Ingress of a host that says it decides.'

export const encryption: AnnotationGroup = {
  title: 'TLS',
  rows: [
    honoured(
      'ssl-passthrough',
      'true, false (false)',
      'TLS connections for the hosts of the Ingress go unread to the endpoints of the path `/`, by server name. Of what stands before that rule, address lists and network policies are kept; with limits, authentication or client certificates the connections are closed. Requests over http are routed as usual. The oldest Ingress of a host decides; a younger one that asks in vain answers 503.',
      {
        guards: true,
        difference: 'No flag is needed, endpoints are asked themselves, not the Service, and address lists count.',
      },
    ),
    honoured(
      'ssl-ciphers',
      "a list in the form of OpenSSL (that of the ConfigMap's `ssl-ciphers`)",
      `For TLS 1.2; the suites of TLS 1.3 are always on. Names that OpenSSL does not know are reported and left out. ${ofHost}`,
    ),
    honoured(
      'ssl-prefer-server-ciphers',
      'true, false (false)',
      `Whether the order of our suites counts, or that of the client. ${ofHost}`,
      {
        difference:
          'In ingress-nginx our order counts unless this says `false`. All suites that are offered by default are good, and the client knows which is fast for it.',
      },
    ),
    noEffect('enable-dynamic-tls-records', 'The size of TLS records is left to the TLS library.'),
    honoured(
      'proxy-ssl-secret',
      '`NAMESPACE/NAME` or `NAME` of a Secret in the namespace of the Ingress',
      `Its \`ca.crt\` is what certificates of endpoints are verified against, its \`tls.crt\` and \`tls.key\` are shown to endpoints. A Secret that is missing, foreign or cannot be used, and an upstream that is not spoken to in TLS, is an error: the routes answer 503. ${first}`,
      { guards: true },
    ),
    honoured(
      'proxy-ssl-verify',
      'on, off (off); true and false mean the same',
      'Certificates of endpoints are verified; without `ca.crt`, or without `proxy-ssl-secret`, against the authorities of the system. ingress-nginx ignores it, and all names below, without `proxy-ssl-secret`, and takes an unknown value for off; here that is an error, and the routes answer 503.',
      { guards: true },
    ),
    honoured(
      'proxy-ssl-verify-depth',
      'a whole number (1)',
      'The most authorities that may stand between a verified certificate and the one that ends its chain.',
      {
        guards: true,
        difference:
          'Counted along the certificates that the endpoint sends, even where a shorter way leads to an authority of `ca.crt`. Without `proxy-ssl-secret` chains may have any length unless this is written.',
      },
    ),
    honoured(
      'proxy-ssl-name',
      "a host name (`SERVICE.NAMESPACE.svc`, or the Service's externalName)",
      'The name that certificates are verified for, and that `proxy-ssl-server-name` sends. No variables.',
    ),
    honoured(
      'proxy-ssl-server-name',
      'on, off (off); true and false mean the same',
      'The name is sent to the endpoint (SNI).',
    ),
    honoured(
      'proxy-ssl-protocols',
      'TLSv1.2, TLSv1.3, or both (both)',
      'The lowest of them is the lowest that is spoken; higher ones are spoken too. ingress-nginx speaks TLSv1.2 only, unless told otherwise.',
    ),
    honoured('proxy-ssl-ciphers', 'a list in the form of OpenSSL (DEFAULT)', 'Cipher suites for TLS 1.2.'),
    never(
      'secure-backends',
      'The old name of `backend-protocol: HTTPS`, which ingress-nginx gave up; the routes answer 503 rather than send in clear, until that is written.',
      { idle: off },
    ),
    never(
      'secure-verify-ca-secret',
      'The old name of `proxy-ssl-secret` with `proxy-ssl-verify: on`, which ingress-nginx gave up; the routes answer 503 rather than go unverified, until those are written.',
    ),
  ],
}

export type ReadPassthrough = {
  readonly passes: boolean
  /** Why the routes are closed: nobody knows where TLS is meant to end. */
  readonly closed: string | undefined
}

export const noPassthrough: ReadPassthrough = { passes: false, closed: undefined }

export function readPassthrough(scope: Scope): ReadPassthrough {
  const text = readText(scope, 'ssl-passthrough')
  if (text === undefined || off.includes(text.toLowerCase())) return noPassthrough
  if (/^(?:1|t|true)$/i.test(text)) return { passes: true, closed: undefined }
  report(scope, 'ssl-passthrough', { severity: 'error', expected: 'true or false', instead: 'the routes answer 503' })
  return { passes: false, closed: 'ssl-passthrough cannot be read' }
}

/** How TLS is spoken on the hosts of an Ingress; what is not written is as on all others. */
export function readHostTls(scope: Scope): HostTlsSpec {
  const ciphers = readCipherList(scope, 'ssl-ciphers', 'the suites of all hosts are used')
  const isWritten = readText(scope, 'ssl-prefer-server-ciphers') !== undefined
  return {
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(isWritten ? { ourOrder: readBoolean(scope, 'ssl-prefer-server-ciphers', false) } : {}),
  }
}
