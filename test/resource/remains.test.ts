import { expect, test } from 'vitest'
import { readDocuments } from '../../src/resource/documents.ts'

const ingress = (metadata: string, rest: string, apiVersion = 'networking.k8s.io/v1'): string =>
  `{apiVersion: ${apiVersion}, kind: Ingress, metadata: ${metadata}, ${rest}}`
const named = '{name: web, annotations: {a/b: c}}'

test.each([
  ['a spec that cannot be read', ingress(named, 'spec: {rules: [{http: {paths: [{path: /}]}}]}')],
  ['a former API version', ingress(named, 'spec: {}', 'extensions/v1beta1')],
])('of an Ingress with %s the metadata are left, and no rules', (_, text) => {
  const { resources, remains } = readDocuments(text, 'web.yaml')
  expect(resources).toEqual([])
  expect(remains).toMatchObject([
    { metadata: { name: 'web', annotations: { 'a/b': 'c' } }, spec: { rules: [], tls: [] } },
  ])
})

test.each([
  ['metadata that cannot be read', ingress('{name: web, annotations: [1]}', 'spec: {}')],
  ['no name', ingress('{annotations: {a/b: c}}', 'spec: {}')],
  ['nothing wrong', ingress(named, 'spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}')],
])('of an Ingress with %s nothing is left', (_, text) => {
  expect(readDocuments(text, 'web.yaml')).not.toHaveProperty('remains')
})
