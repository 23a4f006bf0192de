import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  decodeFlags,
  envName,
  type Flag,
  flags,
  type FlagKey,
  unknownFlags,
  unknownVariables,
} from '../../src/cli/flags.ts'
import { doorFlags, toSettings } from '../../src/cli/settings.ts'
import { defaultLimits } from '../../src/proxy/limits.ts'
import { silentLog } from '../../src/telemetry/log.ts'

const surroundings = { sources: [], log: silentLog, portConflict: 'fail', env: {} } as const
const known: readonly Flag<unknown>[] = doorFlags.map((key) => flags[key])

function decode(given: Record<string, string>, env: Record<string, string> = {}) {
  return decodeFlags({ keys: doorFlags, given: new Map(Object.entries(given)), env })
}

describe('the table of flags', () => {
  test('every fallback is written in its own grammar', () => {
    for (const one of Object.values<Flag<unknown>>(flags)) {
      if (one.fallback !== undefined) expect(one.grammar.parse(one.fallback), one.name).toBeDefined()
    }
  })

  test('no two flags of a command have the same name', () => {
    const names = doorFlags.map((key) => flags[key].name)
    expect(new Set(names).size).toBe(names.length)
  })

  test('the table in docs/cli.md says the same', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8')
    const rows = ([...doorFlags, 'portsFile'] as const).map((key): string => {
      const { name, grammar, fallback, help }: Flag<unknown> = flags[key]
      const placeholder = grammar.placeholder === '' ? '' : ` ${grammar.placeholder.replaceAll('|', String.raw`\|`)}`
      const shown = fallback === undefined || fallback === '' || placeholder === '' ? '' : `\`${fallback}\``
      return `| \`--${name}${placeholder}\` | ${shown} | ${help} |`
    })
    expect(page.slice(page.indexOf('| `--')).trimEnd().split('\n')).toEqual(rows)
  })

  test('the defaults are those that are promised', async () => {
    const { values, problems } = decode({})
    expect(problems).toEqual([])
    expect(await toSettings(values, surroundings)).toMatchObject({
      httpPort: 80,
      httpsPort: 443,
      bind: '::',
      admin: { host: '127.0.0.1', port: 9901 },
      clusterDns: [],
      clusterDomain: 'cluster.local',
      dnsForm: 'auto',
      discovery: ['slices', 'pods', 'dns'],
      ingressClasses: ['genkan', 'nginx'],
      workers: 'auto',
      lane: 'auto',
      compat: 'none',
      configMap: undefined,
      trustedProxies: [],
      proxyProtocol: [],
      forwardedField: false,
      exposeCause: false,
      accessLog: '-',
      drainTimeoutMs: 30_000,
      limits: defaultLimits,
      nodeName: undefined,
    })
  })

  for (const [name, text, setting] of [
    ['http-port', '8080', { httpPort: 8080 }],
    ['bind', '[::1]', { bind: '::1' }],
    ['admin', 'off', { admin: undefined }],
    ['admin', '[::1]:0', { admin: { host: '::1', port: 0 } }],
    [
      'cluster-dns',
      '10.0.0.10,10.0.0.11:5353,fd00::1',
      { clusterDns: ['10.0.0.10:53', '10.0.0.11:5353', '[fd00::1]:53'] },
    ],
    ['cluster-domain', 'Corp.Example.', { clusterDomain: 'corp.example' }],
    ['ingress-class', 'a, b,a', { ingressClasses: ['a', 'b'] }],
    ['discovery', 'dns,slices', { discovery: ['dns', 'slices'] }],
    ['workers', '3', { workers: 3 }],
    ['config-map', 'ingress-nginx/controller', { configMap: 'ingress-nginx/controller' }],
    ['proxy-protocol', 'all', { proxyProtocol: 'all' }],
    ['proxy-protocol', '10.0.0.0/8,::1', { proxyProtocol: ['10.0.0.0/8', '::1'] }],
    ['trusted-proxies', '10.0.0.0/8,::1', { trustedProxies: ['10.0.0.0/8', '::1'] }],
    ['forwarded', 'true', { forwardedField: true }],
    ['access-log', '/var/log/genkan', { accessLog: { file: '/var/log/genkan' } }],
    ['drain-timeout', '1m30s', { drainTimeoutMs: 90_000 }],
    ['limit-header-bytes', '64k', { limits: { ...defaultLimits, headerBytes: 65_536 } }],
    ['limit-tunnel-idle-timeout', '2h', { limits: { ...defaultLimits, tunnelIdleTimeoutMs: 7_200_000 } }],
    ['limit-requests-per-connection', '0', { limits: { ...defaultLimits, requestsPerConnection: 0 } }],
  ] as const) {
    test(`--${name} ${text} is understood`, async () => {
      const { values, problems } = decode({ [name]: text })
      expect(problems).toEqual([])
      expect(await toSettings(values, surroundings)).toMatchObject(setting)
    })
  }

  for (const [name, text] of [
    ['http-port', '65536'],
    ['http-port', '-1'],
    ['http-port', '80x'],
    ['bind', 'localhost'],
    ['admin', '9901'],
    ['admin', 'host:99999'],
    ['cluster-dns', '10.0.0.1,,10.0.0.2'],
    ['cluster-dns', 'a b'],
    ['cluster-domain', '-x-'],
    ['ingress-class', ''],
    ['discovery', 'slices,magic'],
    ['workers', '0'],
    ['config-map', 'name'],
    ['trusted-proxies', '10.0.0.0/33'],
    ['trusted-proxies', 'everybody'],
    ['drain-timeout', '30'],
    ['drain-timeout', '25d'],
    ['limit-body-idle-timeout', '30d'],
    ['limit-header-bytes', '10'],
    ['limit-connections', '0'],
    ['limit-idle-timeout', '0s'],
    ['log-level', 'loud'],
    ['compat', 'traefik'],
  ] as const) {
    test(`--${name} "${text}" is refused with what was expected`, () => {
      const { problems } = decode({ [name]: text })
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatch(new RegExp(`^--${name}: expected .+, found `))
    })
  }

  test('all mistakes are told at once', () => {
    const { problems } = decode({ 'http-port': 'x', 'drain-timeout': 'soon' }, { GENKAN_BIND: 'nowhere' })
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(['--http-port', 'GENKAN_BIND', '--drain-timeout'])
  })

  test('a variable counts where no flag is given, and a link that Kubernetes sets for a Service does not', () => {
    expect(decode({}, { GENKAN_HTTP_PORT: '8080' }).values.httpPort).toBe(8080)
    expect(decode({ 'http-port': '1' }, { GENKAN_HTTP_PORT: '8080' }).values.httpPort).toBe(1)
    expect(decode({}, { GENKAN_HTTP_PORT: 'tcp://10.0.0.1:80' })).toMatchObject({
      problems: [],
      values: { httpPort: 80 },
    })
  })

  test('whoever gives a flag is remembered, whatever its value', () => {
    const { given } = decode({ 'limit-idle-timeout': '75s' }, { GENKAN_DRAIN_TIMEOUT: '30s', GENKAN_BIND: '' }).values
    expect(given).toEqual(new Set(['limit-idle-timeout', 'drain-timeout']))
  })

  test('a command may have defaults of its own', () => {
    const keys: readonly FlagKey[] = ['bind']
    expect(decodeFlags({ keys, given: new Map(), env: {}, fallbacks: { bind: '127.0.0.1' } }).values).toEqual({
      bind: '127.0.0.1',
      given: new Set(),
    })
  })
})

describe('names that nobody knows', () => {
  test('every unknown flag is named with the nearest one', () => {
    expect(unknownFlags(['folder', '--htpp-port', '80', '--nonsense=3', '-x'], known)).toEqual([
      '--htpp-port: there is no such flag; do you mean --http-port?',
      '--nonsense: there is no such flag',
      '-x: there is no such flag',
    ])
  })

  test('values, operands behind -- and help are no flags', () => {
    expect(
      unknownFlags(['--log-level', '--debug', '--help', '-h', '--http-port=0', '-', '--', '--odd'], known),
    ).toEqual([])
  })

  test('a switch takes no value', () => {
    expect(unknownFlags(['--forwarded=yes'], known)).toEqual(['--forwarded: it takes no value'])
  })

  test('a variable that is almost ours is named, and those of a Service named genkan are not', () => {
    const env = {
      GENKAN_HTTP_PROT: '1',
      GENKAN_SERVICE_HOST: '10.0.0.1',
      GENKAN_PORT_80_TCP: 'tcp://10.0.0.1:80',
      HOME: '/',
    }
    expect(unknownVariables(env)).toEqual([
      'GENKAN_HTTP_PROT is no variable of ours and has no effect; do you mean GENKAN_HTTP_PORT?',
    ])
  })

  test('variables are named after their flags', () => {
    expect(envName('limit-header-bytes')).toBe('GENKAN_LIMIT_HEADER_BYTES')
  })
})
