import { expect, test } from 'vitest'
import { readDocuments } from '#resource/documents.ts'

function read(spec: string): { readonly kinds: readonly string[]; readonly errors: readonly string[] } {
  const { resources, problems } = readDocuments(
    `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: ${spec}`,
    'a.yaml',
  )
  return {
    kinds: resources.map(({ kind }) => kind),
    errors: problems.filter(({ severity }) => severity === 'error').map(({ path, message }) => `${path}: ${message}`),
  }
}

test('a NetworkPolicy is read with the defaults of the API', () => {
  const { resources } = readDocuments(
    'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {ingress: [{ports: [{port: http}]}], egress: [{to: []}]}',
    'a.yaml',
  )
  expect(resources[0]).toMatchObject({
    kind: 'NetworkPolicy',
    spec: {
      podSelector: { matchLabels: {}, matchExpressions: [] },
      policyTypes: ['Ingress'],
      ingress: [{ from: [], ports: [{ protocol: 'TCP', port: { kind: 'name', name: 'http' }, endPort: undefined }] }],
    },
  })
})

const mistakes: readonly (readonly [spec: string, expected: RegExp])[] = [
  // A misspelt `from` would let everybody in.
  ['{ingress: [{form: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}', /unknown field "form"/],
  ['{ingress: [{from: [{}]}]}', /ipBlock, a podSelector or a namespaceSelector/],
  ['{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}', /found both/],
  ['{ingress: [{from: [{ipBlock: {cidr: 10.0.0.1}}]}]}', /expected a CIDR/],
  [
    '{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}',
    /except\[0\]: expected a part of 10.0.0.0\/8/,
  ],
  ['{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}', /expected a part of/],
  ['{ingress: [{ports: [{endPort: 90}]}]}', /endPort together with a port/],
  ['{ingress: [{ports: [{port: 91, endPort: 90}]}]}', /endPort together with a port/],
  ['{ingress: [{ports: [{port: http, endPort: 90}]}]}', /endPort together with a port/],
  ['{policyTypes: [ingress]}', /one of Ingress, Egress/],
  ['{podSelector: {matchExpressions: [{key: a, operator: In}]}}', /expected values with In/],
  ['{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}', /expected no values with Exists/],
]

test.each(mistakes)('%s is a mistake', (spec, expected) => {
  const { kinds, errors } = read(spec)
  expect(kinds).toEqual([])
  expect(errors).toEqual([expect.stringMatching(expected)])
})
