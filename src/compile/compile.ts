/**
 * Resources → snapshot, pure: the same resources always give the same snapshot. Never throws for user input: a bad
 * object costs only itself and is reported.
 */
import type { Problem } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { DiscoveryMode, PathMatch, RouteOrigin, Snapshot } from '#snapshot/snapshot.ts'

export type CompileOptions = {
  /** Class names we serve; Ingresses without any class are ours too. */
  readonly ingressClasses: readonly string[]
  readonly compat: 'none' | 'ingress-nginx'
  /** Order of discovery where no annotation says otherwise. */
  readonly discovery: readonly DiscoveryMode[]
  /** `namespace/name` of the ConfigMap with ingress-nginx's global keys. */
  readonly configMap: string | undefined
  /** Milliseconds since the epoch: certificates are judged by it. */
  readonly now: number
}

/** One per Ingress we looked at. */
export type ResourceStatus = {
  /** `Ingress default/web` */
  readonly object: string
  /** `served`, `partly` (some of it is not), `rejected` (none of it is), `foreign` (another controller's class). */
  readonly state: 'served' | 'partly' | 'rejected' | 'foreign'
  readonly reason: string
  readonly routes: number
}

/** A rule that lost to another with the same host, path and type: explain names it with its reason. */
export type Shadowed = {
  readonly host: string
  readonly path: PathMatch
  readonly origin: RouteOrigin
  /** Id of the route that won. */
  readonly winner: string
  readonly reason: string
}

export type Compiled = {
  /** `generation` is 0 here: whoever publishes the snapshot numbers it. */
  readonly snapshot: Snapshot
  readonly statuses: readonly ResourceStatus[]
  readonly problems: readonly Problem[]
  readonly shadowed: readonly Shadowed[]
}

/** STUB: to be replaced. */
export function compile(_resources: ResourceSet, _options: CompileOptions): Compiled {
  return { snapshot: { generation: 0, routes: [], upstreams: [], certificates: [], tlsHosts: [] }, statuses: [], problems: [], shadowed: [] }
}
