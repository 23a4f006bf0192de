/** Keys of the global ConfigMap about TLS towards clients. A change counts for new connections. */
import { problemOf } from '#resource/problem.ts'
import type { TlsSettingsSpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured, noEffect } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readDuration, readMatching, readText, report } from '../setting.ts'
import { readCipherList } from './cipher-list.ts'

const tickets = 'Sessions are kept by clients, in tickets; there is no cache of them here.'

export const tlsKeys: readonly AnnotationRow[] = [
  honoured(
    'ssl-protocols',
    'TLSv1.2, TLSv1.3, or both (both)',
    'The versions that are spoken to clients. Older ones never are.',
  ),
  honoured(
    'ssl-ciphers',
    'a list in the form of OpenSSL (suites with forward secrecy and authenticated encryption)',
    'For TLS 1.2, on all hosts; the suites of TLS 1.3 are always on. Names that OpenSSL does not know are left out. Where it does not take a list, the usual suites and groups are used, and the log says so.',
  ),
  honoured(
    'ssl-ecdh-curve',
    "names of groups with colons between (auto: OpenSSL's)",
    'Groups for the key exchange, the preferred one first.',
  ),
  honoured('ssl-session-tickets', 'true, false (true)', 'Whether sessions can be resumed at all.', {
    difference: 'In ingress-nginx the default is `false`, and sessions are resumed from a cache.',
  }),
  honoured('ssl-session-timeout', 'a duration such as 10m (5m)', 'How long a session can be resumed.'),
  noEffect('ssl-session-cache', tickets),
  noEffect('ssl-session-cache-size', tickets),
  honoured(
    'ssl-session-ticket-key',
    'base64 of 48 random bytes (random keys, new with every start and every 12 hours)',
    'Seals tickets, so that other processes with this key, and this one after a start, resume sessions. A key that cannot be used is not: random ones are.',
    {
      difference:
        'Keys of 80 bytes are refused: the TLS library takes none for AES-256. Tickets of the key before are good for full handshakes only, and those of nginx, too.',
    },
  ),
  honoured(
    'ssl-reject-handshake',
    'true, false (false)',
    'Handshakes for names without a certificate of their own, and without a name, are refused.',
    { difference: 'ingress-nginx still serves the default certificate for hosts that have rules and no certificate.' },
  ),
  noEffect(
    'ssl-early-data',
    'Early data is never accepted: what it carries can be sent again by anybody who has recorded it. Clients go on without it.',
    { idle: ['false', ''] },
  ),
  honoured(
    'enable-ocsp',
    'true, false (false)',
    'Answers of the responders that certificates name are stapled to handshakes, for clients that ask for them.',
    {
      difference:
        'They are asked ahead of time, so no handshake waits, and without a good answer none is stapled. The chain in the Secret must hold the authority that signed the certificate.',
    },
  ),
  noEffect(
    'ssl-dh-param',
    'Key exchanges over finite fields (DHE) are not offered; those over curves need no parameters.',
  ),
  honoured('use-http2', 'true, false (true)', 'Whether HTTP/2 is offered over TLS.'),
]

/** `undefined` where nothing is asked for. */
export function readTlsSettings(scope: Scope): TlsSettingsSpec | undefined {
  const ciphers = readCipherList(scope, 'ssl-ciphers', 'the usual suites are used')
  const curves = readMatching(scope, 'ssl-ecdh-curve', {
    test: (text) => /^[A-Za-z0-9_-]+(:[A-Za-z0-9_-]+)*$/.test(text),
    expected: 'names of groups with colons between, such as X25519:P-256',
  })
  const sessionMs = readDuration(scope, 'ssl-session-timeout', 1_000)
  const settings: TlsSettingsSpec = {
    ...readVersions(scope),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(curves === undefined || curves === 'auto' ? {} : { curves }),
    ...(readBoolean(scope, 'ssl-session-tickets', true) ? {} : { tickets: false }),
    ...readTicketKey(scope),
    ...(sessionMs === undefined ? {} : { sessionSeconds: Math.floor(sessionMs / 1_000) }),
    ...(readBoolean(scope, 'ssl-reject-handshake', false) ? { strict: true } : {}),
    ...(readBoolean(scope, 'use-http2', true) ? {} : { http2: false }),
    ...(readBoolean(scope, 'enable-ocsp', false) ? { ocsp: true } : {}),
  }
  return Object.keys(settings).length === 0 ? undefined : settings
}

function readVersions(scope: Scope): Pick<TlsSettingsSpec, 'minVersion' | 'maxVersion'> {
  const words = readText(scope, 'ssl-protocols')?.split(/\s+/)
  if (words === undefined) return {}
  const wrong = words.find((word) => word !== 'TLSv1.2' && word !== 'TLSv1.3')
  if (wrong !== undefined)
    report(scope, 'ssl-protocols', {
      expected: 'TLSv1.2, TLSv1.3 or both',
      because: wrong,
      instead: 'it is left out; nothing older than TLSv1.2 is spoken',
    })
  const [has12, has13] = [words.includes('TLSv1.2'), words.includes('TLSv1.3')]
  if (has12 === has13) return {}
  return has13 ? { minVersion: 'TLSv1.3' } : { maxVersion: 'TLSv1.2' }
}

/** Of all values this one must not be repeated in a problem. */
function readTicketKey(scope: Scope): Pick<TlsSettingsSpec, 'ticketKey'> {
  const name = 'ssl-session-ticket-key'
  const text = readText(scope, name)?.replace(/\s+/g, '')
  if (text === undefined) return {}
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0
  const key = Buffer.from(text, 'base64')
  if (isBase64 && key.length === 48) {
    // nginx has the key of AES before that of HMAC, node behind it.
    const ordered = Buffer.concat([key.subarray(0, 16), key.subarray(32), key.subarray(16, 32)])
    return { ticketKey: { secret: ordered.toString('base64') } }
  }
  const found = isBase64 ? `${key.length} bytes` : 'no base64'
  const hint = key.length === 80 ? '; 80 are for AES-256, which the TLS library does not take' : ''
  scope.problems.push(
    problemOf(scope.resource, {
      severity: 'warning',
      code: 'invalid-annotation-value',
      at: scope.at(name),
      message: `${name}: expected base64 of 48 bytes, found ${found}${hint}`,
      instead: 'keys of tickets are random',
    }),
  )
  return {}
}
