/**
 * A plain object → a resource, or the problems with it. The only way in: behind it every shape can be trusted.
 */
import type { Decoder, Fields } from './decoder.ts'
import { bad, object, Report } from './decoder.ts'
import { checkIngress, ingressClassFields, ingressFields } from './decode-ingress.ts'
import type { DecodedMetadata, Scope } from './decode-metadata.ts'
import { metadataOf } from './decode-metadata.ts'
import { networkPolicyFields } from './decode-network-policy.ts'
import { nodeFields, podFields, toPodStatus, workloadFields } from './decode-pod.ts'
import { checkSecret, configMapFields, joinSecret, secretFields, toConfigMap } from './decode-secret.ts'
import { checkEndpointSlice, endpointsFields, endpointSliceFields, serviceFields } from './decode-service.ts'
import { dnsLabel } from './name.ts'
import type { Origin } from './origin.ts'
import type { Severity } from './problem.ts'
import type { Ingress, Resource, Workload } from './resource.ts'
import type { Value } from './tree.ts'

/** How one kind is decoded. */
export type Kind = {
  readonly apiVersion: string
  readonly scope: Scope
  readonly decode: (value: Value, origin: Origin, report: Report) => Resource | undefined
  readonly unknownFields: Severity
}

/** What can be said of an Ingress whose spec cannot be read; `undefined` when its metadata cannot be read either. */
export function remainsOfIngress(value: Value, origin: Origin): Ingress | undefined {
  const decoded = ingressHead.read(value, new Report('warning'))
  if (decoded === bad) return undefined
  const spec = { ingressClassName: undefined, defaultBackend: undefined, rules: [], tls: [] }
  return { kind: 'Ingress', metadata: decoded.metadata.metadata, origin, spec }
}

const ingressHead = object({ metadata: metadataOf('namespaced') }, { unused: ['*'] })

type Head = {
  readonly metadata: DecodedMetadata['metadata']
  readonly origin: Origin
  readonly terminating: boolean
  readonly report: Report
}

/** Every kind this build knows. Unknown fields cost an Ingress its life, because they decide where traffic goes. */
export const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [
    'Ingress',
    kind('networking.k8s.io/v1', ingressFields, {
      unknownFields: 'error',
      build: ({ spec }, { metadata, origin, report }) => {
        checkIngress(metadata, spec, report)
        return { kind: 'Ingress', metadata, origin, spec }
      },
    }),
  ],
  [
    'IngressClass',
    kind('networking.k8s.io/v1', ingressClassFields, {
      scope: 'cluster',
      build: ({ spec }, { metadata, origin }) => ({ kind: 'IngressClass', metadata, origin, spec }),
    }),
  ],
  [
    'Service',
    kind('v1', serviceFields, {
      name: dnsLabel,
      build: ({ spec }, { metadata, origin }) => ({ kind: 'Service', metadata, origin, spec }),
    }),
  ],
  [
    'Endpoints',
    kind('v1', endpointsFields, {
      build: ({ subsets }, { metadata, origin }) => ({ kind: 'Endpoints', metadata, origin, subsets }),
    }),
  ],
  [
    'EndpointSlice',
    kind('discovery.k8s.io/v1', endpointSliceFields, {
      build: (slice, { metadata, origin, report }) => {
        checkEndpointSlice(slice, report)
        return {
          kind: 'EndpointSlice',
          metadata,
          origin,
          serviceName: metadata.labels['kubernetes.io/service-name'] ?? '',
          ...slice,
        }
      },
    }),
  ],
  [
    'Secret',
    kind('v1', secretFields, {
      unused: ['immutable'],
      build: ({ type, data, stringData }, { metadata, origin, report }) => {
        const joined = joinSecret(type, data, stringData)
        checkSecret(joined, report)
        return { kind: 'Secret', metadata, origin, ...joined }
      },
    }),
  ],
  [
    'ConfigMap',
    kind('v1', configMapFields, {
      unused: ['immutable', 'binaryData'],
      build: ({ data }, { metadata, origin, report }) => ({
        kind: 'ConfigMap',
        metadata,
        origin,
        ...toConfigMap(data, report),
      }),
    }),
  ],
  [
    'Pod',
    kind('v1', podFields, {
      build: ({ spec, status }, { metadata, origin, terminating }) => ({
        kind: 'Pod',
        metadata,
        origin,
        spec,
        status: toPodStatus(status, terminating),
      }),
    }),
  ],
  [
    'Node',
    kind('v1', nodeFields, {
      scope: 'cluster',
      unused: ['spec'],
      build: ({ status }, { metadata, origin }) => ({ kind: 'Node', metadata, origin, status }),
    }),
  ],
  [
    'NetworkPolicy',
    kind('networking.k8s.io/v1', networkPolicyFields, {
      unknownFields: 'error',
      build: ({ spec }, { metadata, origin }) => ({ kind: 'NetworkPolicy', metadata, origin, spec }),
    }),
  ],
  ...(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'] as const).map((name): [string, Kind] => [
    name,
    workload(name),
  ]),
])

function workload(workloadKind: Workload['workloadKind']): Kind {
  return kind('apps/v1', workloadFields, {
    build: ({ spec }, { metadata, origin }) => ({ kind: 'Workload', workloadKind, metadata, origin, ...spec }),
  })
}

type KindInit<T> = {
  readonly scope?: Scope
  readonly name?: Decoder<string>
  readonly unused?: readonly string[]
  readonly unknownFields?: Severity
  readonly build: (value: T, head: Head) => Resource
}

function kind<T extends object>(apiVersion: string, fields: Fields<T>, init: KindInit<T>): Kind {
  const { scope = 'namespaced', name, unused = [], unknownFields = 'warning', build } = init
  const metadata = metadataOf(scope, name)
  const own = Object.keys(fields)
  // Metadata stands in both lists, so that neither decoder calls the other's fields unknown.
  const body = object<T>(fields, { unused: ['apiVersion', 'kind', 'metadata', 'status', ...unused] })
  const head = object({ metadata }, { unused: ['*', ...own] })
  return {
    apiVersion,
    scope,
    unknownFields,
    decode: (value, origin, report) => {
      const decodedHead = head.read(value, report)
      const decodedBody = body.read(value, report)
      if (decodedHead === bad || decodedBody === bad) return undefined
      const resource = build(decodedBody, { ...decodedHead.metadata, origin, report })
      return report.failed ? undefined : resource
    },
  }
}
