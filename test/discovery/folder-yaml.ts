/**
 * YAML of one Service and its slices, and the short form of an answer, for the tests of the folder's modes.
 */
import type { Answer } from '../../src/discovery/answer.ts'
import { Folder } from '../../src/discovery/folder.ts'
import { resourcesFrom } from '../support/resources.ts'

export const folder = (yaml: string): Folder => new Folder(resourcesFrom(yaml))

export function ids(answer: Answer): readonly string[] {
  return answer.kind === 'answer' ? answer.endpoints.map((each) => each.id) : [answer.kind]
}

/** `r`eady, `s`erving, `t`erminating, by id. */
export function flags(answer: Answer): Record<string, string> {
  const endpoints = answer.kind === 'answer' ? answer.endpoints : []
  return Object.fromEntries(
    endpoints.map(({ id, ready, serving, terminating }) => [
      id,
      [ready && 'r', serving && 's', terminating && 't'].filter((each) => each !== false).join(''),
    ]),
  )
}

export const service = (spec: string): string => `
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: ${spec}
`
export const webService = service(
  '{ selector: { app: web }, ports: [{ name: http, port: 80, targetPort: web }, { name: admin, port: 81, targetPort: 9100 }, { name: dns, port: 53, protocol: UDP }] }',
)

export const slice = (name: string, body: string): string => `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: shop, labels: { kubernetes.io/service-name: web } }
${body}
`
