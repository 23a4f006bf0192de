import { expect, test } from 'vitest'
import type { Answer } from '../../src/discovery/answer.ts'
import { answerFromNodes } from '../../src/discovery/nodeport.ts'
import { folder, ids, service, slice, webService } from './folder-yaml.ts'
import { upstream } from './house.ts'

const node = (name: string, addresses: string, ready = 'True'): string => `
---
apiVersion: v1
kind: Node
metadata: { name: ${name} }
status: { addresses: [${addresses}], conditions: [{ type: Ready, status: "${ready}" }] }
`
const nodes =
  node('n1', '{ type: ExternalIP, address: 192.0.2.1 }, { type: InternalIP, address: 10.1.0.1 }') +
  node('n2', '{ type: ExternalIP, address: 192.0.2.2 }, { type: Hostname, address: n2 }') +
  node('n3', '{ type: InternalIP, address: 10.1.0.3 }', 'False')
const exposed = (policy = 'Cluster'): string =>
  service(
    `{ type: NodePort, externalTrafficPolicy: ${policy}, selector: { app: web }, ports: [{ name: http, port: 80, nodePort: 30080 }] }`,
  )
const hosted = slice(
  'web-1',
  'addressType: IPv4\nports: [{ name: http, port: 8080 }]\nendpoints: [{ addresses: [10.0.0.1], nodeName: n2 }, { addresses: [10.0.0.2], nodeName: n1, conditions: { ready: false } }]',
)
const ask = (yaml: string, nodeName?: string): Answer =>
  answerFromNodes(folder(yaml), upstream('shop/web:80'), nodeName)

test('every ready Node is an endpoint, by its internal address, else its external one', () => {
  expect(ids(ask(exposed() + nodes))).toEqual(['10.1.0.1:30080', '192.0.2.2:30080'])
})

test('with externalTrafficPolicy Local only Nodes that host a ready endpoint are', () => {
  expect(ids(ask(exposed('Local') + nodes + hosted))).toEqual(['192.0.2.2:30080'])
})

test('with externalTrafficPolicy Local and nothing that says where endpoints are, nobody is guessed', () => {
  expect(ask(exposed('Local') + nodes).kind).toBe('none')
})

test('with externalTrafficPolicy Local the Node the front door runs on comes first', () => {
  const both = hosted.replace(', conditions: { ready: false }', '')
  expect(ask(exposed('Local') + nodes + both, 'n2')).toMatchObject({
    endpoints: [
      { node: 'n1', priority: 1 },
      { node: 'n2', priority: 0 },
    ],
  })
})

test.each([
  ['a ClusterIP Service', webService + nodes],
  ['no Node', exposed()],
  ['no Service', nodes],
])('%s has no answer', (_, yaml) => {
  expect(ask(yaml).kind).toBe('none')
})
