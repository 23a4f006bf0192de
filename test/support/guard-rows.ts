/** What each annotation that guards routes puts before the only route of an Ingress, and what a bad value does. */
export type GuardRow = {
  /** Without prefix. */
  readonly name: string
  readonly value: string
  /** Annotations that it needs beside it. */
  readonly beside?: Readonly<Record<string, string>>
  /** Policies it adds, besides those of `beside`; compared as far as they are written here. */
  readonly effect: readonly { readonly kind: string; readonly config?: object }[]
  /** A value that is no good; `undefined` where every value is. */
  readonly bad: string | undefined
  /** What the bad value does. */
  readonly outcome: 'closes' | 'warns'
}

const basic = { 'auth-type': 'basic', 'auth-secret': 'users' }
const external = { 'auth-url': 'http://auth.test/check' }
const users = [{ name: 'ann', secret: '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=' }]
const rate = (windows: object, more: object = {}): GuardRow['effect'] => [
  { kind: 'rate-limit', config: { windows: [windows], ...more } },
]
const shown = { 'auth-tls-secret': 'default/clients' }
const asks = (config: object): GuardRow['effect'] => [{ kind: 'external-auth', config }]

export const guardRows: readonly GuardRow[] = [
  {
    name: 'limit-rps',
    value: '3',
    effect: rate({ count: 3, windowMs: 1_000, burst: 15 }, { key: { kind: 'client' }, status: 429 }),
    bad: '3/s',
    outcome: 'closes',
  },
  { name: 'limit-rps', value: '+3', effect: rate({ count: 3 }), bad: '-3', outcome: 'closes' },
  {
    name: 'limit-rpm',
    value: '3',
    effect: rate({ count: 3, windowMs: 60_000, burst: 15 }),
    bad: '1.5',
    outcome: 'closes',
  },
  {
    name: 'limit-burst-multiplier',
    value: '2',
    beside: { 'limit-rps': '3' },
    effect: rate({ burst: 6 }),
    bad: '0',
    outcome: 'warns',
  },
  {
    name: 'limit-connections',
    value: '3',
    effect: [{ kind: 'concurrency-limit', config: { limit: 3, queue: 0, status: 429 } }],
    bad: 'three',
    outcome: 'closes',
  },
  {
    name: 'limit-allowlist',
    value: '10.0.0.0/8',
    beside: { 'limit-rps': '3' },
    effect: rate({}, { exempt: ['10.0.0.0/8'] }),
    bad: '10.0.0.0/8, me',
    outcome: 'warns',
  },
  {
    name: 'limit-whitelist',
    value: '10.0.0.1, 10.0.0.2',
    beside: { 'limit-rps': '3' },
    effect: rate({}, { exempt: ['10.0.0.1', '10.0.0.2'] }),
    bad: '10.0.0.0/33',
    outcome: 'warns',
  },
  {
    name: 'whitelist-source-range',
    value: '10.0.0.0/8,2001:db8::/32',
    effect: [{ kind: 'access', config: { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: [] } }],
    bad: '10.0.0.0/8 11.0.0.0/8',
    outcome: 'closes',
  },
  {
    name: 'allowlist-source-range',
    value: '10.0.0.1',
    effect: [{ kind: 'access', config: { allow: ['10.0.0.1'], deny: [] } }],
    bad: 'shop.test',
    outcome: 'closes',
  },
  {
    name: 'denylist-source-range',
    value: '10.0.0.1',
    effect: [{ kind: 'access', config: { allow: undefined, deny: ['10.0.0.1'] } }],
    bad: '10.0.0.1/',
    outcome: 'closes',
  },
  {
    name: 'auth-type',
    value: 'basic',
    beside: { 'auth-secret': 'users' },
    effect: [{ kind: 'basic-auth', config: { realm: 'Authentication Required', users } }],
    bad: 'Basic',
    outcome: 'closes',
  },
  {
    name: 'auth-secret',
    value: 'default/users',
    beside: { 'auth-type': 'basic' },
    effect: [{ kind: 'basic-auth', config: { users } }],
    bad: 'other/users',
    outcome: 'closes',
  },
  {
    name: 'auth-secret-type',
    value: 'auth-map',
    beside: basic,
    effect: [{ kind: 'basic-auth', config: { users: [{ name: 'auth' }] } }],
    bad: 'auth-list',
    outcome: 'closes',
  },
  {
    name: 'auth-realm',
    value: 'off',
    beside: basic,
    effect: [{ kind: 'basic-auth', config: { realm: 'off' } }],
    bad: 'a "realm"',
    outcome: 'warns',
  },
  ...clientCertificateRows(),
  {
    name: 'auth-url',
    value: 'https://auth.test:8443/check?a=b',
    effect: asks({ to: { kind: 'origin', scheme: 'https', authority: ['auth.test:8443'] }, target: ['/check?a=b'] }),
    bad: 'https://user@auth.test/',
    outcome: 'closes',
  },
  {
    name: 'auth-url',
    value: '$scheme://$host/x/$request_method',
    effect: asks({
      to: { kind: 'origin', scheme: 'client', authority: [{ variable: 'host' }] },
      target: ['/x/', { variable: 'request_method' }],
    }),
    bad: 'http://$host.evil.test/',
    outcome: 'closes',
  },
  {
    name: 'auth-url',
    value: 'http://inner.other.svc.cluster.local:81/$namespace',
    effect: asks({
      to: { kind: 'upstream', id: 'other/inner:81', scheme: 'http' },
      host: ['inner.other.svc.cluster.local:81'],
      target: ['/', 'default'],
    }),
    bad: '/check',
    outcome: 'closes',
  },
  {
    name: 'auth-method',
    value: 'head',
    beside: external,
    effect: asks({ method: 'HEAD' }),
    bad: 'CONNECT',
    outcome: 'closes',
  },
  {
    name: 'auth-signin',
    value: 'http://$host/in',
    beside: external,
    effect: asks({ signIn: { url: ['http://', { variable: 'host' }, '/in'], parameter: 'rd' } }),
    bad: 'javascript:1',
    outcome: 'warns',
  },
  {
    name: 'auth-signin-redirect-param',
    value: 'back',
    beside: { ...external, 'auth-signin': '/in' },
    effect: asks({ signIn: { parameter: 'back' } }),
    bad: 'a=b&c',
    outcome: 'warns',
  },
  {
    name: 'auth-response-headers',
    value: 'X-User, x-Groups',
    beside: external,
    effect: asks({ responseFields: ['x-user', 'x-groups'] }),
    bad: 'X-User, Content-Length',
    outcome: 'closes',
  },
  {
    name: 'auth-proxy-set-headers',
    value: 'default/asked',
    beside: external,
    effect: asks({ fields: [{ name: 'X-Asked', value: ['by ', { variable: 'host' }] }] }),
    bad: 'missing',
    outcome: 'closes',
  },
  {
    name: 'auth-request-redirect',
    value: '/back',
    beside: external,
    effect: asks({ redirect: ['/back'] }),
    bad: '$nothing',
    outcome: 'closes',
  },
  {
    name: 'auth-cache-key',
    value: '$cookie_Session',
    beside: external,
    effect: asks({
      cache: {
        key: [{ variable: 'cookie_Session' }],
        durations: [
          { status: 200, ms: 300_000 },
          { status: 202, ms: 300_000 },
          { status: 401, ms: 300_000 },
        ],
      },
    }),
    bad: '$nothing',
    outcome: 'warns',
  },
  {
    name: 'auth-cache-duration',
    value: '200 10s, any 1m, 5',
    beside: { ...external, 'auth-cache-key': '$remote_user' },
    effect: asks({
      cache: {
        durations: [
          { status: 200, ms: 10_000 },
          { status: undefined, ms: 60_000 },
          { status: 200, ms: 5_000 },
          { status: 301 },
          { status: 302 },
        ],
      },
    }),
    bad: '200 soon',
    outcome: 'warns',
  },
  {
    name: 'auth-always-set-cookie',
    value: 'true',
    beside: external,
    effect: asks({ alwaysSetCookie: true }),
    bad: 'yes',
    outcome: 'warns',
  },
  { name: 'enable-global-auth', value: 'false', effect: [], bad: 'no', outcome: 'warns' },
  {
    name: 'satisfy',
    value: 'any',
    beside: { ...basic, ...external },
    effect: [
      { kind: 'satisfy-any', config: { access: undefined, basicAuth: { users }, externalAuth: { method: 'GET' } } },
    ],
    bad: 'some',
    outcome: 'warns',
  },
]

export const ownGuardRows: readonly GuardRow[] = [
  {
    name: 'rate-limit',
    value: '100/s burst 20',
    effect: rate(
      { count: 100, windowMs: 1_000, burst: 20 },
      { key: { kind: 'client' }, status: 429, shadow: false, advertise: false },
    ),
    bad: '100',
    outcome: 'closes',
  },
  {
    name: 'rate-limit',
    value: '5 / 10s',
    effect: rate({ count: 5, windowMs: 10_000, burst: 5 }),
    bad: '5/10',
    outcome: 'closes',
  },
  {
    name: 'rate-limit',
    value: '5/m, 50/h burst 10; key header X-Key; shadow; advertise; status 503; exempt 10.0.0.0/8 ::1',
    effect: [
      {
        kind: 'rate-limit',
        config: {
          windows: [
            { count: 5, windowMs: 60_000, burst: 5 },
            { count: 50, windowMs: 3_600_000, burst: 10 },
          ],
          key: { kind: 'header', name: 'x-key' },
          shadow: true,
          advertise: true,
          status: 503,
          exempt: ['10.0.0.0/8', '::1'],
        },
      },
    ],
    bad: '5/m; key header',
    outcome: 'closes',
  },
  {
    name: 'rate-limit',
    value: '5/d; key cookie Session',
    effect: rate({ windowMs: 86_400_000 }, { key: { kind: 'cookie', name: 'Session' } }),
    bad: '5/m; queue 5 wait 1s',
    outcome: 'closes',
  },
  {
    name: 'rate-limit',
    value: '5/m; key path;',
    effect: rate({}, { key: { kind: 'path' } }),
    bad: '5/m burst 0',
    outcome: 'closes',
  },
  {
    name: 'rate-limit',
    value: '5/m; key route',
    effect: rate({}, { key: { kind: 'route' }, id: 'default/web own default/web a.test Prefix /' }),
    bad: '0/m',
    outcome: 'closes',
  },
  {
    name: 'concurrency-limit',
    value: '10; queue 5 wait 2s; key path',
    effect: [
      { kind: 'concurrency-limit', config: { limit: 10, queue: 5, waitMs: 2_000, key: { kind: 'path' }, status: 429 } },
    ],
    bad: '10; queue 5 wait 2m',
    outcome: 'closes',
  },
  {
    name: 'concurrency-limit',
    value: '1',
    effect: [{ kind: 'concurrency-limit', config: { limit: 1, queue: 0 } }],
    bad: '0',
    outcome: 'closes',
  },
]

function clientCertificateRows(): readonly GuardRow[] {
  const row = (
    name: string,
    value: string,
    { config, bad, outcome }: Pick<GuardRow, 'bad' | 'outcome'> & { readonly config: object },
  ): GuardRow => ({
    name: `auth-tls-${name}`,
    value,
    beside: shown,
    effect: [{ kind: 'client-certificate', config }],
    bad,
    outcome,
  })
  return [
    row('secret', 'clients', {
      config: { mode: 'on', depth: 1, subject: undefined, errorPage: undefined, pass: false, redirects: false },
      bad: 'other/clients',
      outcome: 'closes',
    }),
    row('verify-client', 'optional_no_ca', { config: { mode: 'optional_no_ca' }, bad: 'true', outcome: 'warns' }),
    row('verify-depth', '3', { config: { depth: 3 }, bad: 'deep', outcome: 'warns' }),
    row('error-page', 'https://help.test/?why=a', {
      config: { errorPage: 'https://help.test/?why=a' },
      bad: '@named',
      outcome: 'warns',
    }),
    row('pass-certificate-to-upstream', 'true', { config: { pass: true }, bad: 'on', outcome: 'warns' }),
    row('match-cn', 'CN=(a|b)$', { config: { subject: 'CN=(a|b)$' }, bad: 'CN=(?=a)', outcome: 'closes' }),
  ]
}
