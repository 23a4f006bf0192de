/**
 * Kubernetes objects as we read them: decoded, defaulted, and not yet interpreted.
 *
 * A resource comes out of exactly one YAML or JSON document. `decode` (decode.ts) is the only way in, so everything
 * behind this contract may trust the shapes below. Optional things are `undefined`, never absent, and lists that the
 * API leaves out are empty.
 */
import type { Origin } from './origin.ts'

export type Metadata = {
  readonly name: string
  /** `default` when the document names none; empty for cluster-scoped kinds (IngressClass, Node). */
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Milliseconds since the epoch; files seldom carry one. */
  readonly creationTimestamp: number | undefined
}

type Common<Kind extends string> = { readonly kind: Kind; readonly metadata: Metadata; readonly origin: Origin }

export type PortRef =
  { readonly kind: 'number'; readonly number: number } | { readonly kind: 'name'; readonly name: string }

export type IngressBackend =
  | { readonly kind: 'service'; readonly name: string; readonly port: PortRef }
  | { readonly kind: 'resource'; readonly apiGroup: string; readonly resourceKind: string; readonly name: string }

export type PathType = 'Exact' | 'Prefix' | 'ImplementationSpecific'

export type IngressPath = {
  /** As written; empty only where the API allows it (ImplementationSpecific). */
  readonly path: string
  readonly pathType: PathType
  readonly backend: IngressBackend
}

export type IngressRule = {
  /** As written; empty for a rule without host. */
  readonly host: string
  /** Empty when the rule has no `http` section: its traffic goes to the default backend. */
  readonly paths: readonly IngressPath[]
}

export type IngressTls = { readonly hosts: readonly string[]; readonly secretName: string | undefined }

export type Ingress = Common<'Ingress'> & {
  readonly spec: {
    readonly ingressClassName: string | undefined
    readonly defaultBackend: IngressBackend | undefined
    readonly rules: readonly IngressRule[]
    readonly tls: readonly IngressTls[]
  }
}

export type IngressClass = Common<'IngressClass'> & { readonly spec: { readonly controller: string } }

export type ServicePort = {
  /** Empty for the only port of a Service that names none. */
  readonly name: string
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
  /** Number or container port name; the API server's default is `port`. */
  readonly targetPort: PortRef
  readonly nodePort: number | undefined
  readonly appProtocol: string | undefined
}

export type Service = Common<'Service'> & {
  readonly spec: {
    readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
    /** Empty when none is known (a file seldom says); `None` for a headless Service. */
    readonly clusterIP: string
    readonly clusterIPs: readonly string[]
    readonly externalName: string | undefined
    readonly selector: Readonly<Record<string, string>>
    readonly ports: readonly ServicePort[]
    readonly publishNotReadyAddresses: boolean
    readonly externalTrafficPolicy: 'Cluster' | 'Local'
    readonly sessionAffinity: 'None' | 'ClientIP'
    /** Seconds; 10800 is the API's default. */
    readonly sessionAffinityTimeout: number
  }
}

export type EndpointPort = { readonly name: string; readonly port: number; readonly protocol: 'TCP' | 'UDP' | 'SCTP' }

export type EndpointAddress = {
  readonly ip: string
  readonly hostname: string | undefined
  readonly nodeName: string | undefined
  /** `Pod namespace/name` and the like, when the object says which. */
  readonly target: string | undefined
}

export type Endpoints = Common<'Endpoints'> & {
  readonly subsets: readonly {
    readonly addresses: readonly EndpointAddress[]
    readonly notReadyAddresses: readonly EndpointAddress[]
    readonly ports: readonly EndpointPort[]
  }[]
}

export type SliceEndpoint = {
  readonly addresses: readonly string[]
  /** `undefined` where the object leaves a condition out: ready counts as true, serving as ready, terminating as false. */
  readonly conditions: {
    readonly ready: boolean | undefined
    readonly serving: boolean | undefined
    readonly terminating: boolean | undefined
  }
  readonly hostname: string | undefined
  readonly nodeName: string | undefined
  readonly zone: string | undefined
  readonly target: string | undefined
}

export type EndpointSlice = Common<'EndpointSlice'> & {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN'
  /** From the label `kubernetes.io/service-name`; empty when the label is missing. */
  readonly serviceName: string
  readonly endpoints: readonly SliceEndpoint[]
  /** `port` is `undefined` for "all ports" (headless, no ports named). */
  readonly ports: readonly {
    readonly name: string
    readonly port: number | undefined
    readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  }[]
}

export type Secret = Common<'Secret'> & { readonly type: string; readonly data: ReadonlyMap<string, Uint8Array> }

export type ConfigMap = Common<'ConfigMap'> & { readonly data: ReadonlyMap<string, string> }

/** A probe as the kubelet would run it; times are in seconds, as Kubernetes writes them. */
export type Probe = {
  readonly action:
    | {
        readonly kind: 'httpGet'
        readonly scheme: 'HTTP' | 'HTTPS'
        readonly host: string | undefined
        readonly port: PortRef
        readonly path: string
        readonly headers: readonly { readonly name: string; readonly value: string }[]
      }
    | { readonly kind: 'tcpSocket'; readonly host: string | undefined; readonly port: PortRef }
    | { readonly kind: 'grpc'; readonly port: number; readonly service: string }
    | { readonly kind: 'exec' }
  readonly initialDelaySeconds: number
  readonly periodSeconds: number
  readonly timeoutSeconds: number
  readonly successThreshold: number
  readonly failureThreshold: number
}

export type Container = {
  readonly name: string
  readonly ports: readonly {
    readonly name: string
    readonly containerPort: number
    readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  }[]
  readonly readinessProbe: Probe | undefined
}

export type PodSpec = {
  readonly hostname: string | undefined
  readonly subdomain: string | undefined
  readonly nodeName: string | undefined
  readonly containers: readonly Container[]
}

export type Pod = Common<'Pod'> & {
  readonly spec: PodSpec
  readonly status: {
    readonly podIPs: readonly string[]
    readonly phase: string | undefined
    /** The `Ready` condition; `undefined` when the status carries none. */
    readonly ready: boolean | undefined
    /** True when `metadata.deletionTimestamp` is set. */
    readonly terminating: boolean
  }
}

/** Deployment, StatefulSet, DaemonSet and ReplicaSet: only what their Pods will look like matters to a front door. */
export type Workload = Common<'Workload'> & {
  readonly workloadKind: 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'ReplicaSet'
  readonly replicas: number
  readonly template: { readonly labels: Readonly<Record<string, string>>; readonly spec: PodSpec }
}

export type Node = Common<'Node'> & {
  readonly status: {
    readonly addresses: readonly { readonly type: string; readonly address: string }[]
    readonly ready: boolean | undefined
  }
}

export type LabelSelector = {
  readonly matchLabels: Readonly<Record<string, string>>
  readonly matchExpressions: readonly {
    readonly key: string
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
    readonly values: readonly string[]
  }[]
}

/** Selectors of peers are not kept: nobody here can tell who they are. */
export type NetworkPolicyPeer =
  { readonly kind: 'block'; readonly cidr: string; readonly except: readonly string[] } | { readonly kind: 'selector' }

/** `port` is `undefined` for all ports of that protocol. */
export type NetworkPolicyPort = {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: PortRef | undefined
  readonly endPort: number | undefined
}

export type NetworkPolicy = Common<'NetworkPolicy'> & {
  readonly spec: {
    readonly podSelector: LabelSelector
    readonly policyTypes: readonly ('Ingress' | 'Egress')[]
    /** No rule lets nobody in; an empty `from` lets in everybody, empty `ports` are all ports. */
    readonly ingress: readonly {
      readonly from: readonly NetworkPolicyPeer[]
      readonly ports: readonly NetworkPolicyPort[]
    }[]
  }
}

export type Resource =
  | Ingress
  | IngressClass
  | Service
  | Endpoints
  | EndpointSlice
  | Secret
  | ConfigMap
  | Pod
  | Workload
  | Node
  | NetworkPolicy

export type ResourceKind = Resource['kind']

/** How people name an object: `Ingress default/web`, `IngressClass nginx`. A Workload goes by its own kind. */
export function objectName(resource: Resource): string {
  const kind = resource.kind === 'Workload' ? resource.workloadKind : resource.kind
  const { namespace, name } = resource.metadata
  return namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}
