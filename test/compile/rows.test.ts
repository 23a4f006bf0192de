import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { Compiled } from '#compile/compile.ts'
import { genkan } from '#compile/genkan/dialect.ts'
import { ingressNginx } from '#compile/ingress-nginx/dialect.ts'
import { tracingNames } from '#compile/ingress-nginx/tracing.ts'
import { compileOptions } from '../support/compile-options.ts'
import { withCertificates } from '../support/certificate-files.ts'
import { guardRows, ownGuardRows } from '../support/guard-rows.ts'
import { resourcesFrom } from '../support/resources.ts'

/** What a row adds to the only route of an Ingress, or to its upstream. */
type Effect = { readonly route?: object; readonly upstream?: object }
type Annotations = Readonly<Record<string, string>>

type Row = {
  readonly name: string
  readonly value: string
  /** Annotations that it needs beside it. */
  readonly beside?: Annotations
  readonly effect: Effect
  /** A value that is no good: it is reported, and the effect is that of the annotations beside it. */
  readonly bad: string | undefined
  /** The bad value closes the routes. */
  readonly closes?: boolean
  readonly on?: 'Service'
}

const cookie = { name: 'INGRESSCOOKIE', path: '/shop', secure: 'auto', changeOnFailure: false }
const bound = { affinity: 'cookie' }
const sticky = { affinity: { kind: 'cookie', mode: 'balanced', cookieName: 'INGRESSCOOKIE' } }
const timeouts = { connectMs: 5_000, sendMs: 60_000, readMs: 60_000 }
const retry = { on: ['error', 'timeout'], tries: 3, withinMs: 0 }
const canary = { canary: 'true' }
const rules = { upstream: 'default/new:80', weight: 0, total: 100, affinity: 'sticky' }
const encrypted = { 'backend-protocol': 'HTTPS' }
const verified = { verify: true, name: 'web.default.svc' }
const hash = (...key: object[]): object => ({ balance: { kind: 'ringHash', key } })

const rows: readonly Row[] = [
  {
    name: 'proxy-connect-timeout',
    value: '2',
    effect: { route: { timeouts: { ...timeouts, connectMs: 2_000 } } },
    bad: '2s',
  },
  { name: 'proxy-send-timeout', value: '2', effect: { route: { timeouts: { ...timeouts, sendMs: 2_000 } } }, bad: '0' },
  {
    name: 'proxy-read-timeout',
    value: '2',
    effect: { route: { timeouts: { ...timeouts, readMs: 2_000 } } },
    bad: '-1',
  },
  { name: 'proxy-body-size', value: '8m', effect: { route: { maxBodyBytes: 8 * 1024 * 1024 } }, bad: '1.5m' },
  { name: 'ssl-redirect', value: 'false', effect: { route: { policies: [{ kind: 'hsts' }] } }, bad: 'no' },
  {
    name: 'force-ssl-redirect',
    value: 'true',
    beside: { 'ssl-redirect': 'false' },
    effect: { route: { policies: [{ kind: 'https-redirect' }, { kind: 'hsts' }] } },
    bad: 'yes',
  },
  { name: 'preserve-trailing-slash', value: 'true', effect: { route: {} }, bad: undefined },
  {
    name: 'use-port-in-redirects',
    value: 'true',
    effect: { route: { policies: [{ kind: 'https-redirect', config: { namesPort: true } }, { kind: 'hsts' }] } },
    bad: 'yes',
  },
  {
    name: 'limit-rate',
    value: '8',
    effect: { route: { pace: { bytesPerSecond: 8 * 1024, afterBytes: 0 } } },
    bad: '8k',
  },
  {
    name: 'limit-rate-after',
    value: '2',
    beside: { 'limit-rate': '8' },
    effect: { route: { pace: { bytesPerSecond: 8 * 1024, afterBytes: 2 * 1024 } } },
    bad: '-1',
  },
  { name: 'service-upstream', value: 'true', effect: { upstream: { discovery: ['service', 'dns'] } }, bad: 'on' },
  {
    name: 'proxy-next-upstream',
    value: 'http_502 non_idempotent error error',
    effect: { route: { retry: { ...retry, on: ['error', 'non_idempotent', 'http_502'] } } },
    bad: 'error http_418',
  },
  {
    name: 'proxy-next-upstream',
    value: 'off error',
    effect: { route: { retry: { ...retry, on: [] } } },
    bad: 'error,timeout',
  },
  { name: 'proxy-next-upstream-tries', value: '0', effect: { route: { retry: { ...retry, tries: 0 } } }, bad: '-1' },
  {
    name: 'proxy-next-upstream-timeout',
    value: '7',
    effect: { route: { retry: { ...retry, withinMs: 7_000 } } },
    bad: '7s',
  },
  {
    name: 'backend-protocol',
    value: 'https',
    effect: { upstream: { protocol: 'https' } },
    bad: 'HTTPSS',
    closes: true,
  },
  { name: 'backend-protocol', value: 'GRPC', effect: { upstream: { protocol: 'grpc' } }, bad: 'FCGI', closes: true },
  { name: 'backend-protocol', value: 'Grpcs', effect: { upstream: { protocol: 'grpcs' } }, bad: 'h2c', closes: true },
  { name: 'backend-protocol', value: 'AUTO_HTTP', effect: { upstream: { protocol: 'auto' } }, bad: undefined },
  {
    name: 'proxy-ssl-verify',
    value: 'on',
    beside: encrypted,
    effect: { upstream: { protocol: 'https', tls: verified } },
    bad: 'yes',
    closes: true,
  },
  {
    name: 'proxy-ssl-verify',
    value: 'true',
    beside: encrypted,
    effect: { upstream: { tls: verified } },
    bad: undefined,
  },
  {
    name: 'proxy-ssl-verify-depth',
    value: '2',
    beside: { ...encrypted, 'proxy-ssl-verify': 'on' },
    effect: { upstream: { tls: { ...verified, depth: 2 } } },
    bad: 'deep',
  },
  {
    name: 'proxy-ssl-verify-depth',
    value: '0',
    beside: { ...encrypted, 'proxy-ssl-verify': 'on' },
    effect: { upstream: { tls: { ...verified, depth: 1 } } },
    bad: '-1',
  },
  {
    name: 'proxy-ssl-name',
    value: 'Inner.test',
    beside: { ...encrypted, 'proxy-ssl-verify': 'on' },
    effect: { upstream: { tls: { verify: true, name: 'inner.test' } } },
    bad: '$host',
  },
  {
    name: 'proxy-ssl-server-name',
    value: 'on',
    beside: encrypted,
    effect: { upstream: { tls: { verify: false, serverName: 'web.default.svc' } } },
    bad: 'yes',
  },
  {
    name: 'proxy-ssl-protocols',
    value: 'TLSv1.3',
    beside: encrypted,
    effect: { upstream: { tls: { verify: false, minVersion: 'TLSv1.3' } } },
    bad: 'SSLv3',
  },
  {
    name: 'proxy-ssl-ciphers',
    value: 'HIGH:!aNULL',
    beside: encrypted,
    effect: { upstream: { tls: { verify: false, ciphers: 'HIGH:!aNULL' } } },
    bad: 'HIGH;',
  },
  {
    name: 'proxy-ssl-secret',
    value: 'default/shop',
    beside: encrypted,
    effect: {
      upstream: {
        tls: {
          verify: false,
          client: {
            certificate: expect.stringContaining('BEGIN') as string,
            key: expect.stringContaining('KEY') as string,
          },
        },
      },
    },
    bad: 'default/missing',
    closes: true,
  },
  {
    name: 'proxy-ssl-secret',
    value: 'authorities',
    beside: encrypted,
    effect: { upstream: { tls: { verify: false, ca: expect.stringContaining('BEGIN') as string } } },
    bad: 'other/shop',
    closes: true,
  },
  { name: 'affinity', value: 'cookie', effect: { route: { affinityCookie: cookie }, upstream: sticky }, bad: 'ip' },
  {
    name: 'affinity-mode',
    value: 'persistent',
    beside: bound,
    effect: { upstream: { affinity: { ...sticky.affinity, mode: 'persistent' } } },
    bad: 'Persistent',
  },
  {
    name: 'session-cookie-name',
    value: 'route',
    beside: bound,
    effect: {
      route: { affinityCookie: { ...cookie, name: 'route' } },
      upstream: { affinity: { ...sticky.affinity, cookieName: 'route' } },
    },
    bad: 'a;b',
  },
  {
    name: 'session-cookie-path',
    value: '/all',
    beside: bound,
    effect: { route: { affinityCookie: { ...cookie, path: '/all' } } },
    bad: '/a; Domain=b',
  },
  {
    name: 'session-cookie-domain',
    value: 'shop.test',
    beside: bound,
    effect: { route: { affinityCookie: { ...cookie, domain: 'shop.test' } } },
    bad: 'a b',
  },
  {
    name: 'session-cookie-max-age',
    value: '60',
    beside: bound,
    effect: { route: { affinityCookie: { ...cookie, maxAge: 60 } } },
    bad: '1h',
  },
  {
    name: 'session-cookie-expires',
    value: '0',
    beside: bound,
    effect: { route: { affinityCookie: { ...cookie, expires: 0 } } },
    bad: '-1',
  },
  {
    name: 'session-cookie-samesite',
    value: 'none',
    beside: bound,
    effect: { route: { affinityCookie: { ...cookie, sameSite: 'None' } } },
    bad: 'some',
  },
  {
    name: 'session-cookie-conditional-samesite-none',
    value: 'true',
    beside: bound,
    effect: { route: { affinityCookie: { ...cookie, conditionalSameSiteNone: true } } },
    bad: 'on',
  },
  {
    name: 'session-cookie-secure',
    value: 'true',
    beside: bound,
    effect: { route: { affinityCookie: { ...cookie, secure: 'always' } } },
    bad: 'on',
  },
  {
    name: 'session-cookie-change-on-failure',
    value: 'true',
    beside: bound,
    effect: { route: { affinityCookie: { ...cookie, changeOnFailure: true } } },
    bad: 'on',
  },
  { name: 'load-balance', value: 'ewma', effect: { upstream: { balance: { kind: 'ewma' } } }, bad: 'EWMA' },
  {
    name: 'upstream-hash-by',
    value: '${request_uri}-$http_X_User',
    effect: { upstream: hash({ kind: 'target' }, { kind: 'text', text: '-' }, { kind: 'header', name: 'x-user' }) },
    bad: '$server_name',
  },
  {
    name: 'upstream-hash-by',
    value: '$binary_remote_addr$host$uri$scheme$request_method',
    effect: {
      upstream: hash(
        { kind: 'clientAddress' },
        { kind: 'host' },
        { kind: 'path' },
        { kind: 'scheme' },
        { kind: 'method' },
      ),
    },
    bad: 'a$',
  },
  {
    name: 'upstream-hash-by',
    value: '$cookie_Id$arg_Q',
    effect: { upstream: hash({ kind: 'cookie', name: 'Id' }, { kind: 'argument', name: 'Q' }) },
    bad: '$http_',
  },
  {
    name: 'upstream-hash-by-subset',
    value: 'true',
    beside: { 'upstream-hash-by': '$host' },
    effect: { upstream: { balance: { kind: 'ringHash', key: [{ kind: 'host' }], subset: 3 } } },
    bad: 'on',
  },
  {
    name: 'upstream-hash-by-subset-size',
    value: '5',
    beside: { 'upstream-hash-by': '$host', 'upstream-hash-by-subset': 'true' },
    effect: { upstream: { balance: { kind: 'ringHash', key: [{ kind: 'host' }], subset: 5 } } },
    bad: '0',
  },
]

const canaryRows: readonly Row[] = [
  { name: 'canary', value: 'true', effect: { route: { canary: rules } }, bad: undefined },
  {
    name: 'canary-by-header',
    value: 'X-New',
    beside: canary,
    effect: { route: { canary: { ...rules, header: { name: 'x-new' } } } },
    bad: 'x new',
  },
  {
    name: 'canary-by-header-value',
    value: 'yes',
    beside: { ...canary, 'canary-by-header': 'x' },
    effect: { route: { canary: { ...rules, header: { name: 'x', value: 'yes' } } } },
    bad: 'käse',
  },
  {
    name: 'canary-by-header-pattern',
    value: '^(a|b)+$',
    beside: { ...canary, 'canary-by-header': 'x' },
    effect: { route: { canary: { ...rules, header: { name: 'x', pattern: '^(a|b)+$' } } } },
    bad: undefined,
  },
  {
    name: 'canary-by-cookie',
    value: 'new',
    beside: canary,
    effect: { route: { canary: { ...rules, cookie: 'new' } } },
    bad: 'a=b',
  },
  {
    name: 'canary-weight',
    value: '30',
    beside: canary,
    effect: { route: { canary: { ...rules, weight: 30 } } },
    bad: '-1',
  },
  {
    name: 'canary-weight',
    value: '300',
    beside: canary,
    effect: { route: { canary: { ...rules, weight: 100 } } },
    bad: '30%',
  },
  {
    name: 'canary-weight-total',
    value: '1000',
    beside: { ...canary, 'canary-weight': '300' },
    effect: { route: { canary: { ...rules, weight: 300, total: 1000 } } },
    bad: undefined,
  },
  {
    name: 'affinity-canary-behavior',
    value: 'legacy',
    beside: canary,
    effect: { route: { canary: { ...rules, affinity: 'legacy' } } },
    bad: 'Legacy',
  },
]

const probe = { initialDelayMs: 0, periodMs: 10_000, timeoutMs: 1_000, successThreshold: 1, failureThreshold: 3 }
const http = { kind: 'http', scheme: 'http', path: '/', fields: [] }
const tcp = { 'readiness-protocol': 'tcp' }
const probed = (name: string, changes: object, action: object = { kind: 'tcp' }): Effect => ({
  upstream: { probe: { action, ...probe, ...changes, origin: `genkan.dev/${name} of Service default/web` } },
})
const outlier = { consecutiveFailures: 5, baseEjectionMs: 30_000, maxEjectionMs: 300_000, maxEjectedPercent: 50 }

const ownRows: readonly Row[] = [
  {
    name: 'compress',
    value: 'br, gzip',
    effect: {
      route: {
        policies: [
          { kind: 'https-redirect' },
          { kind: 'hsts' },
          {
            kind: 'compress',
            config: {
              codings: [
                { coding: 'br', level: 4, minBytes: 20 },
                { coding: 'gzip', level: 1, minBytes: 256 },
              ],
              exceptAgents: [],
            },
          },
        ],
      },
    },
    bad: 'brotli',
  },
  { name: 'discovery', value: 'dns, pods', effect: { upstream: { discovery: ['dns', 'pods'] } }, bad: 'dns, slcies' },
  {
    name: 'load-balance',
    value: 'least-request',
    effect: { upstream: { balance: { kind: 'leastRequest' } } },
    bad: 'least_request',
  },
  { name: 'slow-start', value: '90s', effect: { upstream: { slowStartMs: 90_000 } }, bad: '90' },
  { name: 'max-connections', value: '7', effect: { upstream: { bounds: { connections: 7 } } }, bad: '0' },
  { name: 'max-pending', value: '0', effect: { upstream: { bounds: { pending: 0 } } }, bad: '-1' },
  { name: 'pending-timeout', value: '250ms', effect: { upstream: { bounds: { pendingMs: 250 } } }, bad: '0' },
  { name: 'outlier-detection', value: 'off', effect: { upstream: { outlier: 'off' } }, bad: 'on' },
  {
    name: 'outlier-detection',
    value: 'consecutive=3, max=1m',
    effect: { upstream: { outlier: { ...outlier, consecutiveFailures: 3, maxEjectionMs: 60_000 } } },
    bad: 'consecutive=0',
  },
  {
    name: 'outlier-detection',
    value: 'base=10m,percent=20',
    effect: {
      upstream: { outlier: { ...outlier, baseEjectionMs: 600_000, maxEjectionMs: 600_000, maxEjectedPercent: 20 } },
    },
    bad: 'base=2m,max=1m',
  },
  {
    name: 'request-timeout',
    value: '30s',
    effect: { route: { timeouts: { ...timeouts, requestMs: 30_000 } } },
    bad: '30',
  },
  {
    name: 'stream-idle-timeout',
    value: '5m',
    effect: { route: { timeouts: { ...timeouts, streamIdleMs: 300_000 } } },
    bad: '600h',
  },
  {
    name: 'readiness-path',
    value: '/ok?a=1',
    on: 'Service',
    effect: probed('readiness-path', {}, { ...http, path: '/ok?a=1' }),
    bad: 'ok',
  },
  {
    name: 'readiness-protocol',
    value: 'grpc',
    on: 'Service',
    effect: probed('readiness-protocol', {}, { kind: 'grpc', service: '' }),
    bad: 'udp',
  },
  {
    name: 'readiness-port',
    value: '9000',
    on: 'Service',
    effect: probed('readiness-port', { port: 9000 }),
    bad: '70000',
  },
  { name: 'readiness-port', value: '8080', on: 'Service', effect: probed('readiness-port', {}), bad: 'nowhere' },
  {
    name: 'readiness-port',
    value: 'admin',
    on: 'Service',
    effect: probed('readiness-port', { port: 9001 }),
    bad: undefined,
  },
  {
    name: 'readiness-scheme',
    value: 'https',
    on: 'Service',
    effect: probed('readiness-scheme', {}, { ...http, scheme: 'https' }),
    bad: 'HTTPS',
  },
  {
    name: 'readiness-period',
    value: '3s',
    on: 'Service',
    beside: tcp,
    effect: probed('readiness-protocol', { periodMs: 3_000 }),
    bad: '10ms',
  },
  {
    name: 'readiness-timeout',
    value: '300ms',
    on: 'Service',
    beside: tcp,
    effect: probed('readiness-protocol', { timeoutMs: 300 }),
    bad: '0',
  },
  {
    name: 'readiness-initial-delay',
    value: '5s',
    on: 'Service',
    beside: tcp,
    effect: probed('readiness-protocol', { initialDelayMs: 5_000 }),
    bad: '5',
  },
  {
    name: 'readiness-success-threshold',
    value: '2',
    on: 'Service',
    beside: tcp,
    effect: probed('readiness-protocol', { successThreshold: 2 }),
    bad: '0',
  },
  {
    name: 'readiness-failure-threshold',
    value: '1',
    on: 'Service',
    beside: tcp,
    effect: probed('readiness-protocol', { failureThreshold: 1 }),
    bad: '0',
  },
]

const policy = (kind: string, config: unknown): Effect => ({
  route: { policies: expect.arrayContaining([expect.objectContaining({ kind, config })]) as unknown },
})
const cors = (changes: object): Effect => policy('cors', expect.objectContaining(changes))
const corsOn = { 'enable-cors': 'true' }
const mirrored = { 'mirror-target': 'http://m.test' }
const copy = { origin: 'http://m.test', target: ['/'], host: 'm.test', body: true, connectMs: 5_000, readMs: 60_000 }

const pages = {
  upstream: 'default/new:80',
  statuses: [],
  passEndpoints: false,
  whenEmpty: true,
  namespace: 'default',
  ingress: 'web',
  service: 'web',
  port: '80',
}

/** Paths, redirects, fields, copies, error pages. */
const shapingRows: readonly Row[] = [
  {
    name: 'rewrite-target',
    value: '/x/$1?y',
    effect: policy('rewrite', { pattern: '^(?:/shop)', target: '/x/$1?y' }),
    bad: 'https://$1.test/',
  },
  { name: 'use-regex', value: 'true', effect: { route: { path: { kind: 'regex', value: '/shop' } } }, bad: 'yes' },
  {
    name: 'x-forwarded-prefix',
    value: '/p/$1',
    beside: { 'rewrite-target': '/x' },
    effect: policy('forwarded-prefix', { pattern: '^(?:/shop)', prefix: '/p/$1' }),
    bad: 'p',
  },
  {
    name: 'upstream-vhost',
    value: 'inner.test:8080',
    effect: policy('upstream-vhost', { host: 'inner.test:8080' }),
    bad: '$host',
  },
  {
    name: 'app-root',
    value: '/start',
    effect: {
      route: {
        path: { kind: 'exact', value: '/' },
        policies: [{ kind: 'app-root', config: { target: '/start' } }, { kind: 'https-redirect' }, { kind: 'hsts' }],
      },
    },
    bad: 'start',
  },
  {
    name: 'permanent-redirect',
    value: 'https://new.test$request_uri',
    effect: policy('redirect', {
      status: 301,
      location: ['https://new.test', { variable: 'request_uri' }],
      relative: false,
    }),
    bad: 'javascript:x',
  },
  {
    name: 'permanent-redirect',
    value: '/new',
    effect: policy('redirect', { status: 301, location: ['/new'], relative: false }),
    bad: '//evil.test',
  },
  {
    name: 'permanent-redirect',
    value: 'http://new.test',
    effect: policy('redirect', { status: 301, location: ['http://new.test'], relative: false }),
    bad: 'http://new.test/$nothing',
  },
  {
    name: 'permanent-redirect-code',
    value: '308',
    beside: { 'permanent-redirect': '/new' },
    effect: policy('redirect', { status: 308, location: ['/new'], relative: false }),
    bad: '200',
  },
  {
    name: 'temporal-redirect',
    value: 'https://new.test',
    beside: { 'permanent-redirect': '/new' },
    effect: policy('redirect', { status: 302, location: ['https://new.test'], relative: false }),
    bad: '/new',
  },
  {
    name: 'temporal-redirect-code',
    value: '307',
    beside: { 'temporal-redirect': 'https://new.test' },
    effect: policy('redirect', { status: 307, location: ['https://new.test'], relative: false }),
    bad: '308',
  },
  {
    name: 'relative-redirects',
    value: 'true',
    beside: { 'permanent-redirect': '/new' },
    effect: policy('redirect', { status: 301, location: ['/new'], relative: true }),
    bad: 'on',
  },
  {
    name: 'enable-cors',
    value: 'true',
    effect: cors({ origins: '*', credentials: true, maxAge: 1_728_000, anyOptions: false }),
    bad: 'on',
  },
  {
    name: 'cors-allow-origin',
    value: 'https://A.test:80, ,http://*.b.test,',
    beside: corsOn,
    effect: cors({ origins: ['https://a.test:80', 'http://*.b.test'] }),
    bad: 'a.test',
  },
  {
    name: 'cors-allow-origin',
    value: 'null',
    beside: corsOn,
    effect: cors({ origins: ['null'] }),
    bad: 'https://a.*.test',
  },
  {
    name: 'cors-allow-methods',
    value: 'POST, GET',
    beside: corsOn,
    effect: cors({ methods: 'POST, GET' }),
    bad: 'GET;',
  },
  {
    name: 'cors-allow-headers',
    value: 'X-A, X_B',
    beside: corsOn,
    effect: cors({ headers: 'X-A, X_B' }),
    bad: 'X-A: b',
  },
  { name: 'cors-allow-credentials', value: 'false', beside: corsOn, effect: cors({ credentials: false }), bad: 'no' },
  { name: 'cors-expose-headers', value: '*', beside: corsOn, effect: cors({ expose: '*' }), bad: 'X-A\r\nX-B: c' },
  { name: 'cors-max-age', value: '200', beside: corsOn, effect: cors({ maxAge: 200 }), bad: '1h' },
  {
    name: 'proxy-cookie-domain',
    value: 'localhost example.org',
    effect: policy('cookie-attributes', { domain: { from: 'localhost', to: 'example.org' } }),
    bad: '~^a$ b',
  },
  {
    name: 'proxy-cookie-path',
    value: '/one/ /',
    effect: policy('cookie-attributes', { path: { from: '/one/', to: '/' } }),
    bad: '/one/',
  },
  {
    name: 'proxy-redirect-from',
    value: 'http://inner.test/',
    beside: { 'proxy-redirect-to': 'https://shop.test/' },
    effect: policy('location-prefix', { from: 'http://inner.test/', to: 'https://shop.test/' }),
    bad: '~^http',
  },
  {
    name: 'proxy-redirect-to',
    value: 'https://shop.test/',
    beside: { 'proxy-redirect-from': 'http://inner.test/' },
    effect: policy('location-prefix', { from: 'http://inner.test/', to: 'https://shop.test/' }),
    bad: '$scheme://x',
  },
  {
    name: 'mirror-target',
    value: 'https://m.test:8443$request_uri',
    effect: policy('mirror', {
      ...copy,
      origin: 'https://m.test:8443',
      host: 'm.test:8443',
      target: [{ variable: 'request_uri' }],
    }),
    bad: 'http://$host/',
  },
  {
    name: 'mirror-host',
    value: 'other.test',
    beside: mirrored,
    effect: policy('mirror', { ...copy, host: 'other.test' }),
    bad: 'a b',
  },
  {
    name: 'mirror-request-body',
    value: 'off',
    beside: mirrored,
    effect: policy('mirror', { ...copy, body: false }),
    bad: 'no',
  },
  { name: 'default-backend', value: 'new', effect: { route: { errors: pages } }, bad: 'New_' },
  {
    name: 'custom-http-errors',
    value: '503, 404',
    beside: { 'default-backend': 'new' },
    effect: { route: { errors: { ...pages, statuses: [404, 503] } } },
    bad: '200',
  },
  {
    name: 'disable-proxy-intercept-errors',
    value: 'true',
    beside: { 'default-backend': 'new' },
    effect: { route: { errors: { ...pages, passEndpoints: true } } },
    bad: 'on',
  },
  { name: 'enable-access-log', value: 'false', effect: { route: { logged: false } }, bad: 'off' },
]

/** They need more than one Ingress, so tests of their own look at them. */
const hostRows = [{ name: 'server-alias' }, { name: 'from-to-www-redirect' }, { name: 'custom-headers' }]

/** See host-tls.test.ts and passthrough.test.ts. */
const handshakeRows = [{ name: 'ssl-ciphers' }, { name: 'ssl-prefer-server-ciphers' }, { name: 'ssl-passthrough' }]

/** They need a collector: see tracing.test.ts. */
const tracingRows = tracingNames.map((name) => ({ name }))

/** `main` and `service` carry annotations of an ordinary Ingress and of its Service, `second` those of a canary. */
type Setup = { readonly main?: Annotations; readonly service?: Annotations; readonly second?: Annotations }

function compileSetup({ main = {}, service = {}, second }: Setup): Compiled {
  const backend = (name: string): string =>
    `{path: /shop, pathType: Prefix, backend: {service: {name: ${name}, port: {number: 80}}}}`
  const ingress = (name: string, annotations: Annotations, to: string): string =>
    `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ${name}, annotations: ${JSON.stringify(annotations)}}, spec: {tls: [{hosts: [shop.test]}], rules: [{host: shop.test, http: {paths: [${backend(to)}]}}]}}`
  const documents = [
    ingress('web', main, 'web'),
    ...(second === undefined ? [] : [ingress('x-new', second, 'new')]),
    `{apiVersion: v1, kind: Service, metadata: {name: web, annotations: ${JSON.stringify(service)}}, spec: {ports: [{port: 80, name: http, targetPort: 8080}, {port: 9000, name: admin, targetPort: 9001}]}}`,
    '{apiVersion: v1, kind: Service, metadata: {name: new}, spec: {ports: [{port: 80}]}}',
    '{apiVersion: v1, kind: Secret, metadata: {name: shop}, type: kubernetes.io/tls, data: {tls.crt: "@shop.crt", tls.key: "@shop.key"}}',
    '{apiVersion: v1, kind: Secret, metadata: {name: authorities}, data: {ca.crt: "@shop.crt"}}',
  ]
  return compile(resourcesFrom(withCertificates(documents.join('\n---\n'))), compileOptions)
}

function prefixed(prefix: string, annotations: Annotations): Annotations {
  return Object.fromEntries(Object.entries(annotations).map(([name, value]) => [prefix + name, value]))
}

function resultOf({ snapshot }: Compiled): unknown {
  return {
    route: snapshot.routes[0],
    upstream: snapshot.upstreams.find((each) => each.id === snapshot.routes[0]?.upstream),
  }
}

function judge(
  { name, value, beside = {}, effect, bad, closes = false }: Row,
  setup: (annotations: Annotations) => Setup,
): void {
  const without = compileSetup(setup(beside))
  const good = compileSetup(setup({ ...beside, [name]: value }))
  expect(resultOf(good)).toMatchObject(effect)
  expect(codesOf(good)).not.toContain('invalid-annotation-value')
  if (name !== 'preserve-trailing-slash' && !(name === 'readiness-port' && value === '8080'))
    expect(resultOf(good)).not.toEqual(resultOf(without))
  if (bad === undefined) return
  const wrong = compileSetup(setup({ ...beside, [name]: bad }))
  expect(codesOf(wrong)).toContain('invalid-annotation-value')
  if (closes) expect(wrong.snapshot.routes.map((route) => route.upstream)).toEqual([undefined])
}

function codesOf({ problems }: Compiled): readonly string[] {
  return problems.map(({ code }) => code).toSorted()
}

describe('an annotation', () => {
  test.each(rows)('$name: $value does what its row says, and $bad is reported', (row) => {
    judge(row, (annotations) => ({ main: prefixed(ingressNginx.prefix, annotations) }))
  })

  test.each(shapingRows)('$name: $value shapes requests as its row says, and $bad is reported', (row) => {
    judge(row, (annotations) => ({ main: prefixed(ingressNginx.prefix, annotations) }))
  })

  test.each(canaryRows)('$name: $value on a canary does what its row says, and $bad is reported', (row) => {
    judge(row, (annotations) => ({ second: prefixed(ingressNginx.prefix, annotations) }))
  })

  test.each(ownRows)('of our own, $name: $value does what its row says, and $bad is reported', (row) => {
    judge(row, (annotations) => ({ [row.on === 'Service' ? 'service' : 'main']: prefixed(genkan.prefix, annotations) }))
  })

  test.each([
    [
      ingressNginx,
      [...rows, ...shapingRows, ...canaryRows, ...hostRows, ...handshakeRows, ...tracingRows, ...guardRows],
    ],
    [genkan, [...ownRows, ...ownGuardRows, { name: 'allow-snippets' }, { name: 'network-policy-peers' }]],
  ] as const)('is in this table exactly when it is honoured', (dialect, table) => {
    const honoured = [...dialect.rows.values()].filter((row) => row.verdict === 'honoured').map((row) => row.name)
    expect([...new Set(table.map((row) => row.name))].toSorted()).toEqual(honoured.toSorted())
  })
})
