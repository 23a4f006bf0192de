/** Annotations that decide who may pass: authentication, address lists, limits, firewalls. */
import type { AnnotationGroup } from '../annotation.ts'
import { closed, noEffect, notYet, off, refused } from '../annotation.ts'

const shut = 'The routes answer 503 rather than be served without it.'
const partOf = (name: string): string => `Belongs to \`${name}\`, which is not honoured yet.`
const zero: readonly string[] = ['', '0']

export const authentication: AnnotationGroup = {
  title: 'Authentication',
  rows: [
    closed('auth-type', shut),
    closed('auth-secret', shut),
    notYet('auth-secret-type', partOf('auth-type')),
    notYet('auth-realm', partOf('auth-type')),
    closed('auth-url', shut),
    notYet('auth-method', partOf('auth-url')),
    closed('auth-signin', shut),
    notYet('auth-signin-redirect-param', partOf('auth-signin')),
    notYet('auth-response-headers', partOf('auth-url')),
    notYet('auth-proxy-set-headers', partOf('auth-url')),
    notYet('auth-request-redirect', partOf('auth-url')),
    notYet('auth-cache-key', partOf('auth-url')),
    notYet('auth-cache-duration', partOf('auth-url')),
    notYet('auth-always-set-cookie', partOf('auth-url'), { idle: off }),
    noEffect('auth-keepalive', 'Connections are always kept and reused.'),
    noEffect('auth-keepalive-requests', 'Connections are always kept and reused.'),
    noEffect('auth-keepalive-timeout', 'Connections are always kept and reused.'),
    noEffect('auth-keepalive-share-vars', 'There are no nginx variables to share.'),
    refused('auth-snippet', 'nginx configuration text is never run; it belongs to an authentication, so the routes answer 503.', { judge: () => 'closed' }),
    notYet('enable-global-auth', 'There is no global authentication to opt out of.'),
    notYet('satisfy', 'The checks it would combine are not honoured yet.', { idle: ['', 'all'] }),
  ],
}

export const clientCertificates: AnnotationGroup = {
  title: 'Client certificates',
  rows: [
    closed('auth-tls-secret', shut),
    closed('auth-tls-verify-client', shut, { idle: ['', 'off'] }),
    notYet('auth-tls-verify-depth', partOf('auth-tls-secret')),
    notYet('auth-tls-error-page', partOf('auth-tls-secret')),
    closed('auth-tls-pass-certificate-to-upstream', 'The backend would trust a header that nothing fills; the routes answer 503.', { idle: off }),
    closed('auth-tls-match-cn', shut),
  ],
}

export const sourceRanges: AnnotationGroup = {
  title: 'Address lists',
  rows: [
    closed('allowlist-source-range', shut),
    closed('whitelist-source-range', shut),
    closed('denylist-source-range', shut),
  ],
}

export const limits: AnnotationGroup = {
  title: 'Rate and connection limits',
  rows: [
    closed('limit-rps', shut, { idle: zero }),
    closed('limit-rpm', shut, { idle: zero }),
    notYet('limit-burst-multiplier', 'Belongs to `limit-rps` and `limit-rpm`, which are not honoured yet.'),
    closed('limit-connections', shut, { idle: zero }),
    notYet('limit-rate', 'Responses are sent as fast as the client reads.', { idle: zero }),
    notYet('limit-rate-after', 'Belongs to `limit-rate`, which is not honoured yet.', { idle: zero }),
    notYet('limit-allowlist', 'The limits it makes exceptions from are not honoured yet.'),
    notYet('limit-whitelist', 'The limits it makes exceptions from are not honoured yet.'),
    closed('global-rate-limit', shut, { idle: zero }),
    notYet('global-rate-limit-window', partOf('global-rate-limit')),
    notYet('global-rate-limit-key', partOf('global-rate-limit')),
    notYet('global-rate-limit-ignored-cidrs', partOf('global-rate-limit')),
  ],
}

export const firewall: AnnotationGroup = {
  title: 'Web application firewall',
  rows: [
    closed('enable-modsecurity', shut, { idle: off }),
    closed('enable-owasp-core-rules', shut, { idle: off }),
    notYet('modsecurity-transaction-id', partOf('enable-modsecurity')),
    refused('modsecurity-snippet', 'Firewall rules are never run; the routes answer 503 rather than be served without them.', { judge: () => 'closed' }),
    closed('lua-resty-waf', shut, { idle: [...off, 'inactive'] }),
    notYet('lua-resty-waf-debug', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-ignore-rulesets', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-extra-rules', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-allow-unknown-content-types', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-score-threshold', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-process-multipart-body', partOf('lua-resty-waf')),
  ],
}
