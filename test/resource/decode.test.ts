import { describe, expect, test } from 'vitest'
import type { Resource } from '../../src/resource/resource.ts'
import { resourcesFrom } from '../support/resources.ts'

/** The only object of a text, without its origin. */
function decoded(yaml: string): unknown {
  const [resource] = [...resourcesFrom(yaml)] as [Resource]
  const { origin: _, ...rest } = resource
  return JSON.parse(
    JSON.stringify(rest, (_key, value: unknown) =>
      value instanceof Map
        ? Object.fromEntries(value)
        : value instanceof Uint8Array
          ? Buffer.from(value).toString()
          : value,
    ),
  )
}
const metadata = { name: 'a', namespace: 'default', labels: {}, annotations: {} }

describe('what is decoded, with the defaults of the API', () => {
  test('an Ingress', () => {
    expect(
      decoded(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, namespace: b, labels: {c: d}, annotations: {e/f: g}, creationTimestamp: "2026-01-02T03:04:05Z"}
spec:
  ingressClassName: nginx
  defaultBackend: {resource: {apiGroup: x.y, kind: Z, name: z}}
  rules:
  - host: "*.a.b"
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: a, port: {name: http}}}}
      - {pathType: ImplementationSpecific, backend: {service: {name: a, port: {number: 80}}}}
  - {}
  tls:
  - {hosts: [a.b], secretName: s}
  - {secretName: ""}
status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}
`),
    ).toEqual({
      kind: 'Ingress',
      metadata: {
        name: 'a',
        namespace: 'b',
        labels: { c: 'd' },
        annotations: { 'e/f': 'g' },
        creationTimestamp: Date.UTC(2026, 0, 2, 3, 4, 5),
      },
      spec: {
        ingressClassName: 'nginx',
        defaultBackend: { kind: 'resource', apiGroup: 'x.y', resourceKind: 'Z', name: 'z' },
        rules: [
          {
            host: '*.a.b',
            paths: [
              {
                path: '/',
                pathType: 'Prefix',
                backend: { kind: 'service', name: 'a', port: { kind: 'name', name: 'http' } },
              },
              {
                path: '',
                pathType: 'ImplementationSpecific',
                backend: { kind: 'service', name: 'a', port: { kind: 'number', number: 80 } },
              },
            ],
          },
          { host: '', paths: [] },
        ],
        tls: [{ hosts: ['a.b'], secretName: 's' }, { hosts: [] }],
      },
    })
  })

  test('a Service with defaults', () => {
    expect(
      decoded('apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {x: y}, ports: [{port: 80}]}'),
    ).toEqual({
      kind: 'Service',
      metadata,
      spec: {
        type: 'ClusterIP',
        clusterIP: '',
        clusterIPs: [],
        selector: { x: 'y' },
        publishNotReadyAddresses: false,
        externalTrafficPolicy: 'Cluster',
        sessionAffinity: 'None',
        sessionAffinityTimeout: 10_800,
        ports: [{ name: '', protocol: 'TCP', port: 80, targetPort: { kind: 'number', number: 80 } }],
      },
    })
  })

  test('a Service that says everything', () => {
    expect(
      decoded(`apiVersion: v1
kind: Service
metadata: {name: a}
spec:
  type: NodePort
  clusterIP: "fd00::1"
  clusterIPs: ["fd00::1", 10.0.0.1]
  publishNotReadyAddresses: true
  externalTrafficPolicy: Local
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
  ports: [{name: web, port: 80, targetPort: http, nodePort: 30080, appProtocol: http, protocol: UDP}]
`),
    ).toMatchObject({
      spec: {
        type: 'NodePort',
        clusterIP: 'fd00::1',
        clusterIPs: ['fd00::1', '10.0.0.1'],
        publishNotReadyAddresses: true,
        externalTrafficPolicy: 'Local',
        sessionAffinity: 'ClientIP',
        sessionAffinityTimeout: 60,
        ports: [
          {
            name: 'web',
            protocol: 'UDP',
            port: 80,
            targetPort: { kind: 'name', name: 'http' },
            nodePort: 30_080,
            appProtocol: 'http',
          },
        ],
      },
    })
  })

  test('Endpoints', () => {
    expect(
      decoded(
        'apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\nsubsets:\n- addresses: [{ip: 127.0.0.1, hostname: h, nodeName: n, targetRef: {kind: Pod, namespace: x, name: p}}]\n  notReadyAddresses: [{ip: "::1"}]\n  ports: [{port: 1}]\n',
      ),
    ).toEqual({
      kind: 'Endpoints',
      metadata,
      subsets: [
        {
          addresses: [{ ip: '127.0.0.1', hostname: 'h', nodeName: 'n', target: 'Pod x/p' }],
          notReadyAddresses: [{ ip: '::1' }],
          ports: [{ name: '', port: 1, protocol: 'TCP' }],
        },
      ],
    })
  })

  test('an EndpointSlice', () => {
    expect(
      decoded(`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
- {addresses: [10.0.0.1], conditions: {ready: true, serving: null}, zone: z, targetRef: {name: p}}
- {addresses: [10.0.0.2]}
ports: [{name: http, port: 8080, appProtocol: http}, {name: any}]
`),
    ).toEqual({
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
      serviceName: 'web',
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.0.1'], conditions: { ready: true }, zone: 'z', target: 'p' },
        { addresses: ['10.0.0.2'], conditions: {} },
      ],
      ports: [
        { name: 'http', port: 8080, protocol: 'TCP' },
        { name: 'any', protocol: 'TCP' },
      ],
    })
  })

  test('a Secret, in which plain text wins', () => {
    expect(
      decoded(
        'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {x: aGk=, y: "aGk=\\n"}\nstringData: {x: plain}\nimmutable: true',
      ),
    ).toEqual({ kind: 'Secret', metadata, type: 'Opaque', data: { x: 'plain', y: 'hi' } })
  })

  test('a ConfigMap', () => {
    expect(
      decoded('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: y}\nbinaryData: {z: AAA=}'),
    ).toEqual({ kind: 'ConfigMap', metadata, data: { x: 'y' } })
  })

  const pod = `{hostname: h, volumes: [], containers: [{name: c, image: x, ports: [{containerPort: 80, name: http}], readinessProbe: {httpGet: {port: http, httpHeaders: [{name: A, value: b}]}, periodSeconds: 5}}]}`
  const podSpec = {
    hostname: 'h',
    containers: [
      {
        name: 'c',
        ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }],
        readinessProbe: {
          action: {
            kind: 'httpGet',
            scheme: 'HTTP',
            port: { kind: 'name', name: 'http' },
            path: '/',
            headers: [{ name: 'A', value: 'b' }],
          },
          initialDelaySeconds: 0,
          periodSeconds: 5,
          timeoutSeconds: 1,
          successThreshold: 1,
          failureThreshold: 3,
        },
      },
    ],
  }

  test('a Pod', () => {
    expect(
      decoded(
        `apiVersion: v1\nkind: Pod\nmetadata: {name: a, deletionTimestamp: "2026-01-01T00:00:00Z"}\nspec: ${pod}\nstatus: {podIP: 10.0.0.1, phase: Running, conditions: [{type: Ready, status: "False", reason: x}], qosClass: x}`,
      ),
    ).toEqual({
      kind: 'Pod',
      metadata,
      spec: podSpec,
      status: { podIPs: ['10.0.0.1'], phase: 'Running', ready: false, terminating: true },
    })
  })

  for (const [action, expected] of [
    ['tcpSocket: {port: 1, host: h}', { kind: 'tcpSocket', host: 'h', port: { kind: 'number', number: 1 } }],
    ['grpc: {port: 1}', { kind: 'grpc', port: 1, service: '' }],
    ['exec: {command: [x]}', { kind: 'exec' }],
  ] as const) {
    test(`a probe with ${expected.kind}`, () => {
      expect(
        decoded(
          `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, readinessProbe: {${action}}}]}`,
        ),
      ).toMatchObject({ spec: { containers: [{ readinessProbe: { action: expected } }] } })
    })
  }

  for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']) {
    test(`a ${kind}`, () => {
      expect(
        decoded(
          `apiVersion: apps/v1\nkind: ${kind}\nmetadata: {name: a}\nspec: {replicas: 3, selector: {matchLabels: {x: y}}, template: {metadata: {labels: {x: y}}, spec: ${pod}}}`,
        ),
      ).toEqual({
        kind: 'Workload',
        workloadKind: kind,
        metadata,
        replicas: 3,
        template: { labels: { x: 'y' }, spec: podSpec },
      })
    })
  }

  test('a Node and an IngressClass, which belong to no namespace', () => {
    expect(
      decoded(
        'apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDR: x}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1}], conditions: [{type: Ready, status: "True"}], capacity: {}}',
      ),
    ).toEqual({
      kind: 'Node',
      metadata: { ...metadata, namespace: '' },
      status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }], ready: true },
    })
    expect(
      decoded(
        'apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: a}\nspec: {controller: k8s.io/ingress-nginx, parameters: {kind: X, name: y}}',
      ),
    ).toEqual({
      kind: 'IngressClass',
      metadata: { ...metadata, namespace: '' },
      spec: { controller: 'k8s.io/ingress-nginx' },
    })
  })

  test('nothing written means what the API says, even where null is written', () => {
    expect(
      decoded(
        'apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: null, annotations: }\nspec: {containers: [{name: c, ports: null}]}\nstatus: {}',
      ),
    ).toEqual({
      kind: 'Pod',
      metadata,
      spec: { containers: [{ name: 'c', ports: [] }] },
      status: { podIPs: [], terminating: false },
    })
  })
})
