import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ingressNginx } from '#compile/ingress-nginx/dialect.ts'
import { judgeSnippet } from '#compile/ingress-nginx/snippet.ts'
import { hasPattern, literalPart } from '#compile/ingress-nginx/pattern.ts'
import { annotationsPage } from '../../docs/generate.ts'

const root = join(import.meta.dirname, '..', '..')

/** Every name in the documentation of ingress-nginx 1.15. */
const documented = `
auth-always-set-cookie auth-cache-duration auth-cache-key auth-keepalive auth-keepalive-requests auth-keepalive-share-vars
auth-keepalive-timeout auth-method auth-proxy-set-headers auth-realm auth-request-redirect auth-response-headers auth-secret
auth-secret-type auth-signin auth-signin-redirect-param auth-snippet auth-tls-error-page auth-tls-match-cn
auth-tls-pass-certificate-to-upstream auth-tls-secret auth-tls-verify-client auth-tls-verify-depth auth-type auth-url
enable-global-auth satisfy affinity affinity-canary-behavior affinity-mode load-balance service-upstream
session-cookie-change-on-failure session-cookie-conditional-samesite-none session-cookie-domain session-cookie-expires
session-cookie-max-age session-cookie-name session-cookie-path session-cookie-samesite session-cookie-secure
upstream-hash-by upstream-hash-by-subset upstream-hash-by-subset-size canary canary-by-cookie canary-by-header
canary-by-header-pattern canary-by-header-value canary-weight canary-weight-total denylist-source-range
limit-burst-multiplier limit-connections limit-rate limit-rate-after limit-rpm limit-rps limit-whitelist
whitelist-source-range cors-allow-credentials cors-allow-headers cors-allow-methods cors-allow-origin cors-expose-headers
cors-max-age enable-cors mirror-host mirror-request-body mirror-target proxy-ssl-ciphers proxy-ssl-name
proxy-ssl-protocols proxy-ssl-secret proxy-ssl-server-name proxy-ssl-verify proxy-ssl-verify-depth backend-protocol
client-body-buffer-size connection-proxy-header proxy-body-size proxy-buffer-size proxy-buffering proxy-buffers-number
proxy-busy-buffers-size proxy-connect-timeout proxy-cookie-domain proxy-cookie-path proxy-http-version
proxy-max-temp-file-size proxy-next-upstream proxy-next-upstream-timeout proxy-next-upstream-tries proxy-read-timeout
proxy-redirect-from proxy-redirect-to proxy-request-buffering proxy-send-timeout app-root custom-headers
custom-http-errors default-backend force-ssl-redirect from-to-www-redirect permanent-redirect permanent-redirect-code
preserve-trailing-slash rewrite-target server-alias ssl-redirect temporal-redirect temporal-redirect-code upstream-vhost
use-regex x-forwarded-prefix ssl-ciphers ssl-passthrough ssl-prefer-server-ciphers configuration-snippet
enable-access-log enable-modsecurity enable-opentelemetry enable-owasp-core-rules enable-rewrite-log http2-push-preload
modsecurity-snippet modsecurity-transaction-id opentelemetry-trust-incoming-span server-snippet stream-snippet
allowlist-source-range limit-allowlist disable-proxy-intercept-errors relative-redirects use-port-in-redirects
fastcgi-index fastcgi-params-configmap opentelemetry-operation-name session-cookie-hash
`
  .trim()
  .split(/\s+/)

describe('the table of annotations', () => {
  test('knows every name that ingress-nginx documents', () => {
    expect(documented.filter((name) => !ingressNginx.rows.has(name))).toEqual([])
  })

  test('has no name twice', () => {
    const names = ingressNginx.groups.flatMap((group) => group.rows.map((row) => row.name))
    expect(names.length).toBe(new Set(names).size)
  })

  test.each([
    'auth-type',
    'auth-secret',
    'auth-url',
    'auth-tls-secret',
    'auth-tls-match-cn',
    'whitelist-source-range',
    'allowlist-source-range',
    'denylist-source-range',
    'limit-rps',
    'limit-rpm',
    'limit-connections',
    'enable-modsecurity',
    'proxy-ssl-secret',
    'proxy-ssl-verify',
    'backend-protocol',
  ])('never lets %s be left out while the Ingress is served', (name) => {
    const row = ingressNginx.rows.get(name)
    expect(row?.verdict === 'honoured' || row?.meanwhile === 'closed').toBe(true)
  })

  test('is what docs/annotations.md says; `node docs/generate.ts` writes it', () => {
    expect(readFileSync(join(root, 'docs', 'annotations.md'), 'utf8')).toBe(annotationsPage())
  })
})

describe('a snippet', () => {
  test.each([
    ['more_set_headers "X-A: b";\nadd_header X-B c;', 'ignored'],
    ['# deny all;\nproxy_set_header X-A "{;}";', 'ignored'],
    ['', 'ignored'],
    ['gzip on; deny all;', 'closed'],
    ['if ($http_x != "a") { return 403; }', 'closed'],
    ['location /admin { internal; }', 'closed'],
    ['limit_except GET { deny all; }', 'closed'],
    ['access_by_lua_block { ngx.exit(403) }', 'closed'],
    ['auth_request /check;', 'closed'],
    ['something_unknown on;', 'closed'],
    ['add_header X-A "unterminated; deny all;', 'closed'],
    ['add_header A b;}deny all;{', 'closed'],
    ['add_header A "b"; "deny" all;', 'closed'],
  ])('%j is %s', (text, meanwhile) => {
    expect(judgeSnippet(text)).toBe(meanwhile)
  })
})

describe('a path that is a regular expression', () => {
  test.each([
    ['/api(/|$)(.*)', '/api', '/api'],
    ['/api/(.*)', '/api', '/api'],
    ['/api/?(.*)', '/api', '/'],
    ['/foo.*', '/', '/'],
    ['/foo/bar.*', '/foo', '/foo'],
    ['/(.*)', '/', '/'],
    ['/a|/b', '/', '/'],
    ['/a/x|/b', '/', '/'],
    ['/(a|b)/c', '/', '/'],
    ['/id/[0-9]+', '/id', '/id'],
    ['^/v1/x$', '/v1/x', '/v1/x'],
    ['/a\\.b', '/', '/'],
  ])('%s likely means %s, surely no more than %s', (pattern, likely, superset) => {
    expect(hasPattern(pattern)).toBe(true)
    expect(literalPart(pattern, 'likely')).toBe(likely)
    expect(literalPart(pattern, 'superset')).toBe(superset)
  })

  test('needs more than a dot', () => {
    expect(hasPattern('/.well-known/favicon.ico')).toBe(false)
  })
})
