import { describe, expect, test } from 'vitest'
import { readDocuments } from '../../src/resource/documents.ts'
import { printProblem } from '../../src/resource/problem.ts'

/** `line:column: severity: …` of every problem, without file and consequence. */
function problemsOf(yaml: string): readonly string[] {
  return readDocuments(yaml, 'f').problems.map((problem) =>
    printProblem({ ...problem, instead: '' }).replace(/^f:/, ''),
  )
}

const ingress = (spec: string, metadata = 'name: web'): string => `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {${metadata}}
spec:
${spec.replaceAll(/^/gm, '  ')}
`
const object = (kind: string, rest: string, apiVersion = 'v1'): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: web}\n${rest}\n`
const slice = (rest: string): string => object('EndpointSlice', rest, 'discovery.k8s.io/v1')
const withPath = (path: string): string => ingress(`rules:\n- http:\n    paths:\n    - ${path}`)
const backend = 'backend: {service: {name: a, port: {number: 80}}}'
const at = (place: string, text: string): string =>
  `${place}: error: Ingress default/web: spec.rules[0].http.paths[0].${text}`

describe('mistakes in an Ingress', () => {
  for (const [why, yaml, expected] of [
    [
      'no rules and no default backend',
      ingress('ingressClassName: a'),
      ['5:3: error: Ingress default/web: spec: expected rules or a defaultBackend, found neither'],
    ],
    [
      'no spec',
      'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\n',
      ['1:1: error: Ingress default/web: spec: expected a mapping, but the field is missing'],
    ],
    [
      'a path type in the wrong case',
      withPath(`{path: /, pathType: prefix, ${backend}}`),
      [
        at(
          '8:29',
          'pathType: expected one of Exact, Prefix, ImplementationSpecific, found "prefix" (did you mean Prefix?)',
        ),
      ],
    ],
    [
      'no path type',
      withPath(`{path: /, ${backend}}`),
      [at('8:9', 'pathType: expected one of Exact, Prefix, ImplementationSpecific, but the field is missing')],
    ],
    [
      'a misspelt field',
      withPath(`{path: /, pathtype: Exact, ${backend}}`),
      [
        at('8:9', 'pathType: expected one of Exact, Prefix, ImplementationSpecific, but the field is missing'),
        at('8:19', 'pathtype: unknown field "pathtype" (did you mean pathType?)'),
      ],
    ],
    [
      'the backend of former versions',
      withPath('{path: /, pathType: Exact, backend: {serviceName: a, servicePort: 80}}'),
      [
        at('8:45', 'backend: expected a service or a resource, found neither'),
        at('8:46', 'backend.serviceName: unknown field "serviceName" (networking.k8s.io/v1 calls it service.name)'),
        at(
          '8:62',
          'backend.servicePort: unknown field "servicePort" (networking.k8s.io/v1 calls it service.port.number or service.port.name)',
        ),
      ],
    ],
    [
      'a path without slash',
      withPath(`{path: a, pathType: Exact, ${backend}}`),
      [at('8:16', 'path: expected a path that begins with /, found "a"')],
    ],
    [
      'no path where one is needed',
      withPath(`{pathType: Prefix, ${backend}}`),
      [at('8:9', 'path: expected a path that begins with /, found ""')],
    ],
    [
      'an empty segment',
      withPath(`{path: /a//b, pathType: Prefix, ${backend}}`),
      [at('8:16', 'path: expected a path without //, found "/a//b"')],
    ],
    [
      'a dot segment',
      withPath(`{path: /a/./b, pathType: Prefix, ${backend}}`),
      [at('8:16', 'path: expected a path without /./, found "/a/./b"')],
    ],
    [
      'a parent segment',
      withPath(`{path: /a/../b, pathType: Exact, ${backend}}`),
      [at('8:16', 'path: expected a path without /../, found "/a/../b"')],
    ],
    [
      'an encoded slash',
      withPath(`{path: /a%2Fb, pathType: Exact, ${backend}}`),
      [at('8:16', 'path: expected a path without %2F, found "/a%2Fb"')],
    ],
    [
      'an encoded slash in lower case',
      withPath(`{path: /a%2fb, pathType: Exact, ${backend}}`),
      [at('8:16', 'path: expected a path without %2f, found "/a%2fb"')],
    ],
    [
      'a parent segment at the end',
      withPath(`{path: /a/.., pathType: Exact, ${backend}}`),
      [at('8:16', 'path: expected a path that does not end in /.., found "/a/.."')],
    ],
    [
      'a dot segment at the end',
      withPath(`{path: /a/., pathType: Exact, ${backend}}`),
      [at('8:16', 'path: expected a path that does not end in /., found "/a/."')],
    ],
    [
      'a relative path of any type',
      withPath(`{path: a, pathType: ImplementationSpecific, ${backend}}`),
      [at('8:16', 'path: expected a path that begins with /, found "a"')],
    ],
    [
      'a free path may be empty or odd',
      withPath(`{pathType: ImplementationSpecific, ${backend}}`) +
        '---\n' +
        withPath(`{path: "/a(/|$)//.", pathType: ImplementationSpecific, ${backend}}`).replace(
          'name: web',
          'name: web2',
        ),
      [],
    ],
    [
      'no paths',
      ingress('rules:\n- host: a.b\n  http: {}'),
      ['7:11: error: Ingress default/web: spec.rules[0].http.paths: expected at least one path, found none'],
    ],
    [
      'both name and number',
      withPath('{path: /, pathType: Exact, backend: {service: {name: a, port: {name: a, number: 1}}}}'),
      [at('8:71', 'backend.service.port: expected either a name or a number, found both')],
    ],
    [
      'neither name nor number',
      withPath('{path: /, pathType: Exact, backend: {service: {name: a, port: {}}}}'),
      [at('8:71', 'backend.service.port: expected a name or a number, found neither')],
    ],
    [
      'a number in quotes',
      withPath('{path: /, pathType: Exact, backend: {service: {name: a, port: {number: "80"}}}}'),
      [
        at(
          '8:80',
          'backend.service.port.number: expected an integer from 1 to 65535, found "80" in quotes: write it without them',
        ),
      ],
    ],
    [
      'a port beyond the last',
      withPath('{path: /, pathType: Exact, backend: {service: {name: a, port: {number: 65536}}}}'),
      [at('8:80', 'backend.service.port.number: expected an integer from 1 to 65535, found the number 65536')],
    ],
    [
      'a long port name',
      withPath('{path: /, pathType: Exact, backend: {service: {name: a, port: {name: a-very-long-name}}}}'),
      [
        at(
          '8:78',
          'backend.service.port.name: expected a port name (at most 15 of a-z, 0-9 and -, with a letter), found "a-very-long-name"',
        ),
      ],
    ],
    [
      'service and resource',
      withPath(
        '{path: /, pathType: Exact, backend: {service: {name: a, port: {number: 1}}, resource: {kind: A, name: a}}}',
      ),
      [at('8:45', 'backend: expected either a service or a resource, found both')],
    ],
    [
      'a service name in upper case',
      ingress('defaultBackend: {service: {name: Web, port: {number: 1}}}'),
      [
        '5:36: error: Ingress default/web: spec.defaultBackend.service.name: expected a DNS label (a-z, 0-9 and -, at most 63 characters), found "Web" (did you mean web?)',
      ],
    ],
    [
      'another class in the annotation',
      ingress(
        'ingressClassName: a\ndefaultBackend: {service: {name: a, port: {number: 1}}}',
        'name: web, annotations: {kubernetes.io/ingress.class: b}',
      ),
      [
        '3:66: error: Ingress default/web: metadata.annotations["kubernetes.io/ingress.class"]: expected the same class as spec.ingressClassName (a), found "b"',
      ],
    ],
    [
      'a certificate for no host',
      ingress('defaultBackend: {service: {name: a, port: {number: 1}}}\ntls: [{hosts: ["a b"], secretName: A}]'),
      [
        '6:18: error: Ingress default/web: spec.tls[0].hosts[0]: expected a host such as shop.example.com or *.example.com, found "a b"',
        '6:38: error: Ingress default/web: spec.tls[0].secretName: expected a DNS name (a-z, 0-9, - and ., at most 253 characters), found "A" (did you mean a?)',
      ],
    ],
    [
      'a list where a mapping belongs',
      ingress('- a'),
      ['5:3: error: Ingress default/web: spec: expected a mapping, found a list'],
    ],
    [
      'a mapping where a list belongs',
      ingress('rules: {host: a}'),
      ['5:10: error: Ingress default/web: spec.rules: expected a list, found a mapping'],
    ],
  ] as const) {
    test(why, () => expect(problemsOf(yaml)).toEqual(expected))
  }

  for (const [host, hint] of [
    ['10.0.0.1', ': an IP address cannot be a host; leave the host out to match every host'],
    ['"[::1]"', ': an IP address cannot be a host; leave the host out to match every host'],
    ['a.b:80', ': a host has no port; every port is matched'],
    ['https://a.b', ': a host has no scheme'],
    ['a.b/c', ': a host has no path; paths go under http.paths'],
    ['"*"', ': leave the host out to match every host'],
    ['"a.*.b"', ': only the whole first label may be *'],
    ['"*a.b"', ': only the whole first label may be *'],
    ['"*.*.b"', ': only the whole first label may be *'],
    ['a.b.', ': leave the final dot out'],
    ['Shop.Example.com', ' (did you mean shop.example.com?)'],
    ['bücher.example', ' (did you mean xn--bcher-kva.example?)'],
    ['a_b.c', ''],
    ['-a.b', ''],
  ] as const) {
    test(`the host ${host} is refused${hint}`, () => {
      const text = host.replaceAll('"', '')
      expect(problemsOf(ingress(`rules:\n- host: ${host}`))).toEqual([
        `6:11: error: Ingress default/web: spec.rules[0].host: expected a host such as shop.example.com or *.example.com, found "${text}"${hint}`,
      ])
    })
  }
})

describe('mistakes in metadata', () => {
  for (const [why, metadata, expected] of [
    [
      'no name',
      '{}',
      [
        '3:11: error: metadata.name: expected a DNS label (a-z, 0-9 and -, at most 63 characters), but the field is missing',
      ],
    ],
    [
      'a generated name',
      '{generateName: a-}',
      [
        '3:26: error: metadata.generateName: expected a DNS label (a-z, 0-9 and -, at most 63 characters), found only generateName: an object in a file needs a name that stays the same',
      ],
    ],
    [
      'a name with an underscore',
      '{name: a_b}',
      [
        '3:18: error: Service default/a_b: metadata.name: expected a DNS label (a-z, 0-9 and -, at most 63 characters), found "a_b" (did you mean a-b?)',
      ],
    ],
    [
      'a namespace with a dot',
      '{name: a, namespace: b.c}',
      [
        '3:32: error: Service b.c/a: metadata.namespace: expected a DNS label (a-z, 0-9 and -, at most 63 characters), found "b.c"',
      ],
    ],
    [
      'a label that is a number',
      '{name: a, labels: {v: 1}}',
      ['3:33: error: Service default/a: metadata.labels.v: expected a string, found the number 1: put it in quotes'],
    ],
    [
      'an annotation that is an old boolean',
      '{name: a, annotations: {v: on}}',
      [
        '3:38: error: Service default/a: metadata.annotations.v: expected a string, found the boolean true: put it in quotes',
      ],
    ],
    [
      'a label value with a space',
      '{name: a, labels: {v: "a b"}}',
      [
        '3:33: error: Service default/a: metadata.labels.v: expected a label value (at most 63 letters, digits, -, _ and .), found "a b"',
      ],
    ],
    [
      'an annotation name with a space',
      '{name: a, annotations: {"a b": c}}',
      [
        '3:42: error: Service default/a: metadata.annotations["a b"]: expected an annotation name such as example.com/name, found "a b"',
      ],
    ],
    [
      'a time that is none',
      '{name: a, creationTimestamp: yesterday}',
      [
        '3:40: error: Service default/a: metadata.creationTimestamp: expected a time such as 2026-01-31T12:00:00Z, found "yesterday"',
      ],
    ],
    [
      'a misspelt field',
      '{name: a, annotation: {}}',
      ['3:21: warning: Service default/a: metadata.annotation: unknown field "annotation" (did you mean annotations?)'],
    ],
    [
      'fields that a cluster writes',
      '{name: a, uid: x, managedFields: [], creationTimestamp: null, resourceVersion: "1"}',
      [],
    ],
  ] as const) {
    test(why, () =>
      expect(problemsOf(`apiVersion: v1\nkind: Service\nmetadata: ${metadata}\nspec: {ports: [{port: 1}]}\n`)).toEqual(
        expected,
      ),
    )
  }
})

describe('mistakes in other kinds', () => {
  for (const [why, yaml, expected] of [
    [
      'a Service without ports',
      object('Service', 'spec: {}'),
      ['4:7: error: Service default/web: spec.ports: expected at least one port, found none'],
    ],
    ['a headless Service may have none', object('Service', 'spec: {clusterIP: None}'), []],
    [
      'two ports without names',
      object('Service', 'spec: {ports: [{port: 1, name: a}, {port: 2}]}'),
      [
        '4:36: error: Service default/web: spec.ports[1].name: expected a name, because there is more than one port; but the field is missing',
      ],
    ],
    [
      'two ports of one name',
      object('Service', 'spec: {ports: [{port: 1, name: a}, {port: 2, name: a}]}'),
      ['4:52: error: Service default/web: spec.ports[1].name: expected each name once, found "a" again'],
    ],
    [
      'one port twice',
      object('Service', 'spec: {ports: [{port: 1, name: a}, {port: 1, name: b}]}'),
      ['4:43: error: Service default/web: spec.ports[1].port: expected each port once, found TCP 1 again'],
    ],
    [
      'one port for two protocols',
      object('Service', 'spec: {ports: [{port: 1, name: a}, {port: 1, name: b, protocol: UDP}]}'),
      [],
    ],
    [
      'an unknown protocol',
      object('Service', 'spec: {ports: [{port: 1, protocol: tcp}]}'),
      [
        '4:36: error: Service default/web: spec.ports[0].protocol: expected one of TCP, UDP, SCTP, found "tcp" (did you mean TCP?)',
      ],
    ],
    [
      'a target port in quotes',
      object('Service', 'spec: {ports: [{port: 1, targetPort: "80"}]}'),
      [
        '4:38: error: Service default/web: spec.ports[0].targetPort: expected a port number from 1 to 65535 or a port name, found "80" in quotes: write it without them',
      ],
    ],
    [
      'an external Service without name',
      object('Service', 'spec: {type: ExternalName}'),
      [
        '4:7: error: Service default/web: spec.externalName: expected a DNS name for type ExternalName, but the field is missing',
      ],
    ],
    [
      'an address that is none',
      object('Service', 'spec: {clusterIP: none, ports: [{port: 1}]}'),
      [
        '4:19: error: Service default/web: spec.clusterIP: expected an IP address or None, found "none" (did you mean None?)',
      ],
    ],
    [
      'two first addresses',
      object('Service', 'spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.2], ports: [{port: 1}]}'),
      [
        '4:42: error: Service default/web: spec.clusterIPs[0]: expected the first of clusterIPs to be clusterIP ("10.0.0.1"), found "10.0.0.2"',
      ],
    ],
    [
      'fields of a Service that we do not use',
      object(
        'Service',
        'spec: {ipFamilyPolicy: SingleStack, internalTrafficPolicy: Cluster, ports: [{port: 1}]}\nstatus: {loadBalancer: {}}',
      ),
      [],
    ],
    [
      'an Endpoints subset without address',
      object('Endpoints', 'subsets: [{ports: [{port: 1}]}]'),
      ['4:11: error: Endpoints default/web: subsets[0]: expected addresses or notReadyAddresses, found neither'],
    ],
    [
      'an Endpoints address that is none',
      object('Endpoints', 'subsets: [{addresses: [{ip: a.b}]}]'),
      ['4:29: error: Endpoints default/web: subsets[0].addresses[0].ip: expected an IP address, found "a.b"'],
    ],
    [
      'no address type',
      slice('endpoints: []'),
      [
        '1:1: error: EndpointSlice default/web: addressType: expected one of IPv4, IPv6, FQDN, but the field is missing',
      ],
    ],
    [
      'an address of another type',
      slice('addressType: IPv4\nendpoints: [{addresses: ["::1"]}]'),
      [
        '5:26: error: EndpointSlice default/web: endpoints[0].addresses[0]: expected an IPv4 address, because addressType is IPv4; found "::1"',
      ],
    ],
    [
      'an endpoint without address',
      slice('addressType: IPv4\nendpoints: [{addresses: []}]'),
      ['5:25: error: EndpointSlice default/web: endpoints[0].addresses: expected at least one address, found none'],
    ],
    [
      'a condition in words',
      slice('addressType: IPv4\nendpoints: [{addresses: [127.0.0.1], conditions: {ready: "true"}}]'),
      ['5:58: error: EndpointSlice default/web: endpoints[0].conditions.ready: expected true or false, found "true"'],
    ],
    [
      'a Secret that is no base64',
      object('Secret', 'data: {a: hello!}'),
      [
        '4:11: error: Secret default/web: data.a: expected base64, found another text; plain text belongs under stringData',
      ],
    ],
    [
      'base64 without padding',
      object('Secret', 'data: {a: aGk}'),
      [
        '4:11: error: Secret default/web: data.a: expected base64, found another text; plain text belongs under stringData',
      ],
    ],
    [
      'a certificate without key',
      object('Secret', 'type: kubernetes.io/tls\nstringData: {tls.crt: a}'),
      [
        '1:1: error: Secret default/web: data["tls.key"]: expected the key tls.key in a Secret of type kubernetes.io/tls, but it is missing',
      ],
    ],
    [
      'a key with a slash',
      object('ConfigMap', 'data: {a/b: c}'),
      ['4:13: error: ConfigMap default/web: data["a/b"]: expected a key of letters, digits, -, _ and ., found "a/b"'],
    ],
    [
      'a Pod without containers',
      object('Pod', 'spec: {containers: []}'),
      ['4:20: error: Pod default/web: spec.containers: expected at least one container, found none'],
    ],
    [
      'a misspelt probe',
      object('Pod', 'spec: {containers: [{name: a, readinesProbe: {}}]}'),
      [
        '4:31: warning: Pod default/web: spec.containers[0].readinesProbe: unknown field "readinesProbe" (did you mean readinessProbe?)',
      ],
    ],
    [
      'a probe of two sorts',
      object('Pod', 'spec: {containers: [{name: a, readinessProbe: {exec: {}, tcpSocket: {port: 1}}}]}'),
      [
        '4:47: error: Pod default/web: spec.containers[0].readinessProbe: expected one of httpGet, tcpSocket, grpc, exec; found 2',
      ],
    ],
    [
      'a selector that selects others',
      object(
        'Deployment',
        'spec:\n  selector: {matchLabels: {app: a}}\n  template: {metadata: {labels: {app: b}}, spec: {containers: [{name: a}]}}',
        'apps/v1',
      ),
      [
        '5:33: error: Deployment default/web: spec.selector.matchLabels.app: expected the template to carry the label "a" that it is selected by, found "b" there',
      ],
    ],
    [
      'a controller without domain',
      object('IngressClass', 'spec: {controller: nginx}', 'networking.k8s.io/v1'),
      [
        '4:20: error: IngressClass web: spec.controller: expected a domain and a path such as genkan.dev/ingress-controller, found "nginx"',
      ],
    ],
    [
      'a namespace where there is none',
      'apiVersion: v1\nkind: Node\nmetadata: {name: a, namespace: b}\n',
      ['3:32: warning: Node a: metadata.namespace: this kind belongs to no namespace'],
    ],
  ] as const) {
    test(why, () => expect(problemsOf(yaml)).toEqual(expected))
  }

  test('no message repeats a value of a Secret', () => {
    expect(problemsOf(object('Secret', 'data: {a: hunter2!, b: 12345}')).join()).not.toMatch(/hunter2|12345/)
  })
})

describe('objects that are none of ours', () => {
  const former =
    'in networking.k8s.io/v1 every path needs a pathType, backends say service.name and service.port.number or .name instead of serviceName and servicePort, and spec.backend is spec.defaultBackend'
  for (const [why, yaml, expected, state] of [
    [
      'an Ingress of a former version',
      object('Ingress', 'spec: {}', 'extensions/v1beta1'),
      [
        `1:13: error: Ingress default/web: apiVersion: expected apiVersion networking.k8s.io/v1 for kind Ingress, found "extensions/v1beta1"; ${former}`,
      ],
      'rejected',
    ],
    [
      'an Ingress of another former version',
      object('Ingress', 'spec: {}', 'networking.k8s.io/v1beta1'),
      [
        `1:13: error: Ingress default/web: apiVersion: expected apiVersion networking.k8s.io/v1 for kind Ingress, found "networking.k8s.io/v1beta1"; ${former}`,
      ],
      'rejected',
    ],
    [
      'a misspelt group',
      object('Ingress', 'spec: {}', 'networking.k8.io/v1'),
      [
        '1:13: error: Ingress default/web: apiVersion: expected apiVersion networking.k8s.io/v1 for kind Ingress, found "networking.k8.io/v1"',
      ],
      'rejected',
    ],
    [
      'a group left out',
      object('Deployment', 'spec: {}'),
      ['1:13: error: Deployment default/web: apiVersion: expected apiVersion apps/v1 for kind Deployment, found "v1"'],
      'rejected',
    ],
    ['a kind of the same name elsewhere', object('Service', 'spec: {}', 'serving.knative.dev/v1'), [], 'ignored'],
    ['a kind we do not read', object('Namespace', ''), [], 'ignored'],
    [
      'a misspelt kind',
      object('Ingres', '', 'networking.k8s.io/v1'),
      ['2:7: warning: Ingres default/web: kind: networking.k8s.io/v1 has no kind "Ingres" (did you mean Ingress?)'],
      'ignored',
    ],
    [
      'the values of a chart',
      'image: {tag: a}\n',
      ['1:1: warning: expected a Kubernetes object, found one without apiVersion and kind'],
      'ignored',
    ],
    [
      'a list',
      '- a\n',
      ['1:1: warning: expected a Kubernetes object, found one without apiVersion and kind'],
      'ignored',
    ],
    [
      'a word',
      'hello\n',
      ['1:1: warning: expected a Kubernetes object, found one without apiVersion and kind'],
      'ignored',
    ],
  ] as const) {
    test(why, () => {
      expect(problemsOf(yaml)).toEqual(expected)
      expect(readDocuments(yaml, 'f').documents.map((each) => each.state)).toEqual([state])
    })
  }
})
