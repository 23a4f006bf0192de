/** Annotations about TLS towards clients and towards endpoints. */
import type { AnnotationGroup } from '../annotation.ts'
import { closed, noEffect, notYet, off } from '../annotation.ts'

const partOf = 'Belongs to `proxy-ssl-secret`, which is not honoured yet.'

export const encryption: AnnotationGroup = {
  title: 'TLS',
  rows: [
    closed('ssl-passthrough', 'TLS would end here instead of at the backend, which nobody agreed to; the routes answer 503.', { idle: off }),
    notYet('ssl-ciphers', 'The cipher suites are those of Node.js for TLS 1.2 and 1.3.'),
    noEffect('ssl-prefer-server-ciphers', "The server's order of cipher suites always counts."),
    noEffect('enable-dynamic-tls-records', 'The size of TLS records is left to the TLS library.'),
    closed('proxy-ssl-secret', 'Backends are spoken to without TLS; the routes answer 503 rather than send in clear.'),
    closed('proxy-ssl-verify', 'Backends are spoken to without TLS; the routes answer 503 rather than send in clear.', { idle: [...off, 'off'] }),
    notYet('proxy-ssl-verify-depth', partOf),
    notYet('proxy-ssl-name', partOf),
    notYet('proxy-ssl-server-name', partOf, { idle: [...off, 'off'] }),
    notYet('proxy-ssl-protocols', partOf),
    notYet('proxy-ssl-ciphers', partOf),
    closed('secure-backends', 'The old name of `backend-protocol: HTTPS`, which is not spoken yet; the routes answer 503.', { idle: off }),
    closed('secure-verify-ca-secret', 'The old name of `proxy-ssl-secret`; the routes answer 503 rather than send in clear.'),
  ],
}
