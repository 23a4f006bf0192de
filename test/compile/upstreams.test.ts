import { describe, expect, test } from 'vitest'
import type { Compiled } from '#compile/compile.ts'
import { compile } from '#compile/compile.ts'
import type { UpstreamSpec } from '#snapshot/snapshot.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

const nginx = 'nginx.ingress.kubernetes.io'

/** `rules` are `host path service`. */
function ingress(name: string, annotations: Readonly<Record<string, string>>, ...rules: readonly string[]): string {
  const written = rules.map((rule) => {
    const [host, path, to] = rule.split(' ')
    return `{host: ${host}, http: {paths: [{path: ${path}, pathType: Prefix, backend: {service: {name: ${to}, port: {number: 80}}}}]}}`
  })
  return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ${name}, annotations: ${JSON.stringify(annotations)}}, spec: {rules: [${written.join(', ')}]}}`
}

function service(name: string, spec: string): string {
  return `{apiVersion: v1, kind: Service, metadata: {name: ${name}}, spec: ${spec}}`
}

function pod(name: string, labels: string, containers: string): string {
  return `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, labels: ${labels}}, spec: {containers: ${containers}}}`
}

function compileAll(...documents: readonly string[]): Compiled {
  return compile(resourcesFrom(documents.join('\n---\n')), compileOptions)
}

function upstreamOf({ snapshot }: Compiled, id: string): UpstreamSpec | undefined {
  return snapshot.upstreams.find((each) => each.id === id)
}

describe('an upstream', () => {
  test('is as the oldest Ingress wishes, although canaries are looked at after all routes', () => {
    const main = ingress('c-main', {}, 'main.test / web')
    const canary = ingress(
      'a-canary',
      { [`${nginx}/canary`]: 'true', [`${nginx}/load-balance`]: 'round_robin' },
      'main.test / other',
    )
    const other = ingress('b-other', { [`${nginx}/load-balance`]: 'ewma' }, 'other.test / other')
    const compiled = compileAll(main, canary, other)
    expect(upstreamOf(compiled, 'default/other:80')).not.toHaveProperty('balance')
    expect(compiled.problems.filter(({ code }) => code === 'upstream-conflict').map(({ object }) => object)).toEqual([
      'Ingress default/b-other',
    ])
  })

  test.each([
    [
      {
        [`${nginx}/load-balance`]: 'ewma',
        [`${nginx}/upstream-hash-by`]: '$host',
        'genkan.dev/load-balance': 'least-request',
      },
      'ringHash',
    ],
    [{ [`${nginx}/load-balance`]: 'ewma', 'genkan.dev/load-balance': 'least-request' }, 'leastRequest'],
    [{ [`${nginx}/load-balance`]: 'ewma', [`${nginx}/upstream-hash-by`]: '$host' }, 'ringHash'],
    [{ [`${nginx}/load-balance`]: 'chash', [`${nginx}/upstream-hash-by`]: '$host' }, 'ringHash'],
  ])('of an Ingress with %j is balanced by %s', (annotations, kind) => {
    const compiled = compileAll(ingress('web', annotations, 'a.test / web'))
    expect(upstreamOf(compiled, 'default/web:80')?.balance?.kind).toBe(kind)
    expect(compiled.problems.filter(({ severity }) => severity !== 'info')).toEqual([])
  })

  test('takes appProtocol from its TCP port, not from a UDP port of the same number', () => {
    const ports =
      '{ports: [{name: quic, port: 80, protocol: UDP, appProtocol: https}, {name: web, port: 80, appProtocol: kubernetes.io/h2c}]}'
    expect(
      upstreamOf(compileAll(ingress('web', {}, 'a.test / web'), service('web', ports)), 'default/web:80')?.protocol,
    ).toBe('grpc')
  })
})

describe('a canary', () => {
  const weight = { [`${nginx}/canary`]: 'true', [`${nginx}/canary-weight`]: '10' }

  test('takes nothing when it asks for encryption that its upstream does not have', () => {
    const main = ingress('a-main', {}, 'a.test / web')
    const plain = ingress('b-plain', { [`${nginx}/backend-protocol`]: 'HTTP' }, 'b.test / new')
    const canary = ingress('c-canary', { ...weight, [`${nginx}/backend-protocol`]: 'HTTPS' }, 'a.test / new')
    const compiled = compileAll(main, plain, canary)
    expect(compiled.snapshot.routes.map((route) => route.canary)).toEqual([undefined, undefined])
    expect(compiled.statuses.find(({ object }) => object === 'Ingress default/c-canary')?.state).toBe('rejected')
  })

  test('of a default backend takes nothing of a rule for the same path', () => {
    const main = ingress('a-main', {}, 'a.test / web')
    const canary = ingress('b-canary', weight, 'a.test /x new').replace(
      'spec: {',
      'spec: {defaultBackend: {service: {name: new, port: {number: 80}}}, ',
    )
    const compiled = compileAll(main, canary)
    expect(compiled.snapshot.routes.map((route) => route.canary)).toEqual([undefined])
    expect(compiled.problems.map(({ code }) => code)).toContain('canary-without-main')
  })
})

describe('a probe', () => {
  const ports = '{selector: {app: web, tier: front}, ports: [{port: 80, targetPort: 8080}]}'
  const route = ingress('web', {}, 'a.test / web')

  test('comes from Pods that have all labels of the selector', () => {
    const near = pod('a-near', '{app: web, tier: back}', '[{name: app, readinessProbe: {tcpSocket: {port: 8080}}}]')
    expect(upstreamOf(compileAll(route, service('web', ports), near), 'default/web:80')).not.toHaveProperty('probe')
  })

  test('comes from the container whose probe asks the port when none declares it', () => {
    const containers =
      '[{name: side, readinessProbe: {tcpSocket: {port: 1}}}, {name: app, readinessProbe: {httpGet: {port: 8080, path: /ok}}}]'
    const compiled = compileAll(route, service('web', ports), pod('a', '{app: web, tier: front}', containers))
    expect(upstreamOf(compiled, 'default/web:80')?.probe).toMatchObject({
      action: { kind: 'http', path: '/ok' },
      origin: 'readinessProbe of container app of Pod default/a',
    })
  })
})
