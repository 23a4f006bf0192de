import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { NetworkPolicyConfig } from '#policy/network-policy.ts'
import type { Problem } from '#resource/problem.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

const base = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: main}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec: {containers: [{name: web, ports: [{name: main, containerPort: 8080}, {name: other, containerPort: 9000}]}]}
`

type Found = { readonly config: NetworkPolicyConfig | undefined; readonly problems: readonly Problem[] }

function judge(
  specs: readonly string[],
  { annotations = '{}', objects = base }: { annotations?: string; objects?: string } = {},
): Found {
  const policies = specs.map(
    (spec, index) =>
      `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: policy-${index}, annotations: ${annotations}}\nspec: ${spec}`,
  )
  const { snapshot, problems } = compile(resourcesFrom([objects, ...policies].join('\n---\n')), compileOptions)
  const spec = snapshot.routes[0]!.policies.find(({ kind }) => kind === 'network-policy')
  // Only the policy of this kind makes such a configuration.
  return { config: spec?.config as NetworkPolicyConfig | undefined, problems }
}

const ten = 'ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]'
const everybody = ['0.0.0.0/0', '::/0']

describe('a policy', () => {
  const rows: readonly [why: string, spec: string, cidrs: readonly string[] | undefined][] = [
    ['for the Pods of the Service', `{podSelector: {matchLabels: {app: web}}, ${ten}}`, ['10.0.0.0/8']],
    ['for labels that only the template has', `{podSelector: {matchLabels: {tier: front}}, ${ten}}`, ['10.0.0.0/8']],
    ['for all Pods', `{podSelector: {}, ${ten}}`, ['10.0.0.0/8']],
    ['for all Pods, written as nothing', `{${ten}}`, ['10.0.0.0/8']],
    ['for others', `{podSelector: {matchLabels: {app: web, tier: back}}, ${ten}}`, undefined],
    [
      'by In',
      `{podSelector: {matchExpressions: [{key: app, operator: In, values: [web, shop]}]}, ${ten}}`,
      ['10.0.0.0/8'],
    ],
    ['by NotIn', `{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}, ${ten}}`, undefined],
    [
      'by NotIn of a label it has not',
      `{podSelector: {matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}, ${ten}}`,
      ['10.0.0.0/8'],
    ],
    ['by Exists', `{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}, ${ten}}`, ['10.0.0.0/8']],
    ['by DoesNotExist', `{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}, ${ten}}`, undefined],
    ['about what goes out', `{podSelector: {}, policyTypes: [Egress], ${ten}}`, undefined],
    ['without a rule', '{podSelector: {}, policyTypes: [Ingress]}', []],
    ['without a type or a rule', '{podSelector: {}}', []],
    ['with a rule that says nothing', '{podSelector: {}, ingress: [{}]}', everybody],
    ['for the port by its name', '{podSelector: {}, ingress: [{ports: [{port: main}]}]}', everybody],
    ['for the port by the number of its container', '{podSelector: {}, ingress: [{ports: [{port: 8080}]}]}', everybody],
    ['for a range of ports', '{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8080}]}]}', everybody],
    [
      'for the port of the Service, which is none of the Pod',
      '{podSelector: {}, ingress: [{ports: [{port: 80}]}]}',
      [],
    ],
    ['for another port', '{podSelector: {}, ingress: [{ports: [{port: other}, {port: 9000}]}]}', []],
    ['for all ports of another protocol', '{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}', []],
    ['for all ports of TCP', '{podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}', everybody],
  ]
  test.each(rows)('%s', (_, spec, cidrs) => {
    expect(judge([spec]).config?.blocks.map(({ cidr }) => cidr)).toEqual(cidrs)
  })

  test('keeps its exceptions, and adds up with others', () => {
    const { config } = judge([
      `{${ten}}`,
      '{ingress: [{from: [{ipBlock: {cidr: 11.0.0.0/8, except: [11.1.0.0/16]}}]}]}',
      `{${ten}}`,
      '{}',
    ])
    expect(config).toEqual({
      blocks: [
        { cidr: '10.0.0.0/8', except: [] },
        { cidr: '11.0.0.0/8', except: ['11.1.0.0/16'] },
      ],
      policies: ['default/policy-0', 'default/policy-1', 'default/policy-2', 'default/policy-3'],
    })
  })

  test('of another namespace is about other Pods', () => {
    const other = `${base}\n---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: all, namespace: other}, spec: {podSelector: {}}}`
    expect(judge([], { objects: other }).config).toBeUndefined()
  })

  test("is judged by the Service's own selector when no file shows its Pods", () => {
    const objects = base.split('---').slice(0, 2).join('---')
    expect(judge([`{podSelector: {matchLabels: {app: web}}, ${ten}}`], { objects }).config?.blocks).toHaveLength(1)
    // A name of a port that nobody shows is known by its name only.
    expect(judge(['{ingress: [{ports: [{port: 8080}]}]}'], { objects }).config?.blocks).toEqual([])
  })
})

describe('peers chosen by labels', () => {
  const spec = '{ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}]}]}'
  const key = 'genkan.dev/network-policy-peers'

  test('let nobody in and are reported, each once', () => {
    const { config, problems } = judge([spec])
    expect(config?.blocks).toEqual([{ cidr: '10.0.0.0/8', except: [] }])
    expect(
      problems.filter(({ code }) => code === 'peer-not-judged').map(({ severity, path }) => [severity, path]),
    ).toEqual([
      ['warning', 'spec.ingress[0].from[0]'],
      ['warning', 'spec.ingress[0].from[1]'],
    ])
  })

  test('let everybody in when the policy says that the front door is among them', () => {
    const { config, problems } = judge([spec], { annotations: `{${key}: admit}` })
    expect(config?.blocks.map(({ cidr }) => cidr)).toEqual([...everybody, '10.0.0.0/8'])
    expect(problems.filter(({ code }) => code === 'peer-not-judged').map(({ severity }) => severity)).toEqual([
      'info',
      'info',
    ])
  })

  test('let nobody in when what it says cannot be read', () => {
    const { config, problems } = judge([spec], { annotations: `{${key}: "yes"}` })
    expect(config?.blocks).toHaveLength(1)
    expect(problems.map(({ code }) => code)).toContain('invalid-annotation-value')
  })
})

test('our annotation counts on a NetworkPolicy only, and a slip in it is noticed', () => {
  expect(
    judge(['{}'], { annotations: '{genkan.dev/network-policy-peer: admit}' }).problems.map(({ code, instead }) => [
      code,
      instead,
    ]),
  ).toContainEqual(['unknown-annotation', 'it is ignored; do you mean network-policy-peers?'])
  const service = base.replace(
    'metadata: {name: web}\nspec: {selector',
    'metadata: {name: web, annotations: {genkan.dev/network-policy-peers: admit}}\nspec: {selector',
  )
  expect(judge([], { objects: service }).problems.map(({ message }) => message)).toContain(
    'network-policy-peers counts on a NetworkPolicy, not on a Service',
  )
})
