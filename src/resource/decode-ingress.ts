/**
 * Ingress and IngressClass, with the API server's own validation: no API server has looked at a file.
 *
 * Unknown fields are errors here, as they are to `kubectl apply`: a misspelt field in an Ingress is traffic that goes
 * somewhere else.
 */
import type { Bad, Decoder, Report } from './decoder.ts'
import {
  emptyAsAbsent,
  integer,
  list,
  mapped,
  object,
  oneOf,
  optional,
  string,
  stringThat,
  withDefault,
} from './decoder.ts'
import { dnsLabel, dnsSubdomain, ingressHost, isDnsSubdomain, portName } from './name.ts'
import type {
  Ingress,
  IngressBackend,
  IngressClass,
  IngressPath,
  IngressRule,
  IngressTls,
  Metadata,
  PathType,
  PortRef,
} from './resource.ts'

const backendPort: Decoder<PortRef> = mapped(
  object<{ name: string | undefined; number: number | undefined }>({
    name: optional(portName),
    number: optional(integer(1, 65535)),
  }),
  ({ name, number }, report) => {
    if (name !== undefined && number !== undefined)
      return report.error('expected either a name or a number, found both')
    if (name !== undefined) return { kind: 'name', name }
    if (number !== undefined) return { kind: 'number', number }
    return report.error('expected a name or a number, found neither', [], 'missing-field')
  },
)

const formerBackend = {
  serviceName: 'networking.k8s.io/v1 calls it service.name',
  servicePort: 'networking.k8s.io/v1 calls it service.port.number or service.port.name',
}

/** Empty for the core group. */
const apiGroup = stringThat('an API group such as example.com', (text) => text === '' || isDnsSubdomain(text))

const backend: Decoder<IngressBackend> = mapped(
  object(
    {
      service: optional(object({ name: dnsLabel, port: backendPort })),
      resource: optional(object({ apiGroup: withDefault(apiGroup, ''), kind: string, name: string })),
    },
    { hints: formerBackend },
  ),
  ({ service, resource }, report): IngressBackend | Bad => {
    if (service !== undefined && resource !== undefined)
      return report.error('expected either a service or a resource, found both')
    if (service !== undefined) return { kind: 'service', ...service }
    if (resource === undefined)
      return report.error('expected a service or a resource, found neither', [], 'missing-field')
    return { kind: 'resource', apiGroup: resource.apiGroup, resourceKind: resource.kind, name: resource.name }
  },
)

const path: Decoder<IngressPath> = mapped(
  object({
    path: withDefault(string, ''),
    pathType: oneOf<PathType>('Exact', 'Prefix', 'ImplementationSpecific'),
    backend,
  }),
  (value, report) => {
    const message = wrongPath(value.path, value.pathType)
    return message === undefined ? value : report.error(message, ['path'])
  },
)

const rule: Decoder<IngressRule> = mapped(
  object({
    host: emptyAsAbsent(ingressHost),
    http: optional(
      object({
        paths: mapped(list(path), (paths, report) =>
          paths.length > 0 ? paths : report.error('expected at least one path, found none'),
        ),
      }),
    ),
  }),
  ({ host, http }) => ({ host: host ?? '', paths: http?.paths ?? [] }),
)

const tls: Decoder<IngressTls> = object({ hosts: list(ingressHost), secretName: emptyAsAbsent(dnsSubdomain) })

type Spec = Ingress['spec']

const spec: Decoder<Spec> = mapped(
  object<Spec>(
    { ingressClassName: optional(dnsSubdomain), defaultBackend: optional(backend), rules: list(rule), tls: list(tls) },
    {
      hints: {
        backend: 'networking.k8s.io/v1 calls it defaultBackend',
        ingressClass: 'did you mean ingressClassName?',
      },
    },
  ),
  (value, report) =>
    value.rules.length > 0 || value.defaultBackend !== undefined
      ? value
      : report.error('expected rules or a defaultBackend, found neither', [], 'missing-field'),
)

export const ingressFields = { spec }

/** Rules that look at more than one part of the object. */
export function checkIngress(metadata: Metadata, { ingressClassName }: Spec, report: Report): void {
  const name = 'kubernetes.io/ingress.class'
  const annotation = metadata.annotations[name]
  if (annotation === undefined || ingressClassName === undefined || annotation === ingressClassName) return
  report.error(
    `expected the same class as spec.ingressClassName (${ingressClassName}), found ${JSON.stringify(annotation)}`,
    ['metadata', 'annotations', name],
  )
}

/** A path with a domain: `genkan.dev/ingress-controller`. */
const controller = stringThat('a domain and a path such as genkan.dev/ingress-controller', (text) => {
  const slash = text.indexOf('/')
  return (
    text.length <= 250 &&
    slash > 0 &&
    isDnsSubdomain(text.slice(0, slash)) &&
    /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(text.slice(slash + 1))
  )
})

const parameters: Decoder<unknown> = mapped(
  object({
    apiGroup: optional(string),
    kind: string,
    name: string,
    namespace: optional(dnsLabel),
    scope: withDefault(oneOf('Cluster', 'Namespace'), 'Cluster'),
  }),
  (value, report) => {
    if (value.scope === 'Cluster' && value.namespace !== undefined)
      return report.error('expected no namespace with scope Cluster, found one', ['namespace'])
    if (value.scope === 'Namespace' && value.namespace === undefined)
      return report.error(
        'expected a namespace with scope Namespace, but the field is missing',
        ['namespace'],
        'missing-field',
      )
    return value
  },
)

const classSpec: Decoder<IngressClass['spec']> = mapped(
  object({ controller, parameters: optional(parameters) }),
  (value) => ({ controller: value.controller }),
)

export const ingressClassFields = { spec: classSpec }

/** What is wrong with a path, or `undefined`. */
function wrongPath(text: string, type: PathType): string | undefined {
  if (type === 'ImplementationSpecific' && text === '') return undefined
  if (!text.startsWith('/')) return `expected a path that begins with /, found ${JSON.stringify(text)}`
  if (type === 'ImplementationSpecific') return undefined
  for (const part of ['//', '/./', '/../', '%2f', '%2F']) {
    if (text.includes(part)) return `expected a path without ${part}, found ${JSON.stringify(text)}`
  }
  for (const end of ['/..', '/.']) {
    if (text.endsWith(end)) return `expected a path that does not end in ${end}, found ${JSON.stringify(text)}`
  }
  return undefined
}
