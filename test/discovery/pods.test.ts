import { expect, test } from 'vitest'
import type { Answer } from '../../src/discovery/answer.ts'
import { answerFromPods } from '../../src/discovery/pods.ts'
import { flags, folder, ids, service, webService } from './folder-yaml.ts'
import { upstream } from './house.ts'

const podsOf = (yaml: string, id = 'shop/web:80'): Answer => answerFromPods(folder(yaml), upstream(id))

const pod = (
  name: string,
  { labels = '{ app: web, tier: front }', status = '', containerPort = 8080, more = '' } = {},
): string => `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: ${labels}${more} }
spec: { nodeName: n1, containers: [{ name: c, image: i, ports: [{ name: web, containerPort: ${containerPort} }] }] }
status: ${status}
`
const ready = (ip: string, value: string): string =>
  `{ podIP: ${ip}, phase: Running, conditions: [{ type: Ready, status: "${value}" }] }`

test('those with all the labels are endpoints, ready by their condition, with a named port of their own', () => {
  const yaml =
    webService +
    pod('a', { status: ready('10.0.0.1', 'True') }) +
    pod('b', { status: ready('10.0.0.2', 'False'), containerPort: 9090 }) +
    pod('c', { status: ready('10.0.0.3', 'True'), labels: '{ app: api }' })
  expect(flags(podsOf(yaml))).toEqual({ '10.0.0.1:8080': 'rs', '10.0.0.2:9090': '' })
  expect(podsOf(yaml)).toMatchObject({ endpoints: [{ name: 'Pod shop/a', node: 'n1' }, {}] })
})

test('without a condition a Pod with an address is ready, unless its phase says otherwise', () => {
  const yaml =
    webService +
    pod('a', { status: '{ podIP: 10.0.0.1 }' }) +
    pod('b', { status: '{ podIP: 10.0.0.2, phase: Pending }' }) +
    pod('c', { status: '{ podIP: 10.0.0.3, phase: Failed }' })
  expect(flags(podsOf(yaml))).toEqual({ '10.0.0.1:8080': 'rs', '10.0.0.2:8080': '' })
})

test('one that is being deleted serves its sessions only', () => {
  const yaml =
    webService + pod('a', { status: ready('10.0.0.1', 'True'), more: ', deletionTimestamp: "2026-01-01T00:00:00Z"' })
  expect(flags(podsOf(yaml))).toEqual({ '10.0.0.1:8080': 'st' })
})

test('one without an address or without the port is named as such', () => {
  const { says } = podsOf(
    webService +
      pod('a', { status: '{ phase: Pending }' }) +
      pod('b', { status: '{ podIP: 10.0.0.2 }' }).replace('name: web, containerPort', 'name: other, containerPort'),
  )
  expect(says).toContain('Pod a has no address yet')
  expect(says).toContain('Pod b has no container port "web"')
})

test('a numeric target port needs no container port', () => {
  expect(ids(podsOf(webService + pod('a', { status: '{ podIP: 10.0.0.1 }' }), 'shop/web:81'))).toEqual([
    '10.0.0.1:9100',
  ])
})

test('a Pod with addresses of both families is one endpoint', () => {
  expect(
    ids(
      podsOf(webService + pod('a', { status: '{ podIP: 10.0.0.1, podIPs: [{ ip: 10.0.0.1 }, { ip: "fd00::1" }] }' })),
    ),
  ).toEqual(['10.0.0.1:8080'])
})

test('with none that has an address they know nothing, and say who has not', () => {
  const yaml = webService + pod('a', { status: '{ phase: Pending }' }) + pod('b')
  expect(podsOf(yaml)).toEqual({ kind: 'none', says: 'no Pod that Service shop/web selects has an address: a, b' })
  expect(podsOf(yaml + pod('c', { status: ready('10.0.0.3', 'False') }))).toMatchObject({
    kind: 'answer',
    state: 'live',
  })
})

test.each([
  ['without a Service', pod('a', { status: '{ podIP: 10.0.0.1 }' })],
  ['without a selector', service('{ ports: [{ port: 80 }] }') + pod('a', { status: '{ podIP: 10.0.0.1 }' })],
  ['without a Pod that is selected', webService],
])('%s they know nothing', (_, yaml) => {
  expect(podsOf(yaml).kind).toBe('none')
})
