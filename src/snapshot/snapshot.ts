/**
 * The contract between the planes: everything a worker needs to route, as plain data. No functions, no instances, so
 * it prints, diffs, and crosses a thread boundary as JSON. Compiled once on the main thread, never changed afterwards.
 *
 * Endpoints are not in it: they change far more often and travel as `EndpointSet`, keyed by upstream id.
 */

export type Snapshot = {
  /** Grows by one with every snapshot that differs from the one before. */
  readonly generation: number
  /** In order of precedence within a host (see route/precedence.ts). Ids are unique. */
  readonly routes: readonly RouteSpec[]
  readonly upstreams: readonly UpstreamSpec[]
  readonly certificates: readonly CertificateSpec[]
  /** Which certificate a server name gets. Hosts that name no usable certificate are absent: they get the default one. */
  readonly tlsHosts: readonly TlsHostSpec[]
}

export type RouteSpec = {
  /** Stable over generations while the rule stays: `default/web shop.test Prefix /cart`. Also the metric label. */
  readonly id: string
  /** Lower-case A-label form: `shop.test`, `*.shop.test` for one label, empty for every host. */
  readonly host: string
  readonly path: PathMatch
  /** Where it was written; for explain, logs and the dashboard. */
  readonly origin: RouteOrigin
  /** Id of an `UpstreamSpec`; `undefined` when the backend can never be reached (a `resource` backend): 503. */
  readonly upstream: string | undefined
  /** In the order they run. */
  readonly policies: readonly PolicySpec[]
  readonly timeouts: TimeoutSpec
  /** Largest request body, in bytes; 0 for no limit. */
  readonly maxBodyBytes: number
}

/** `value` is a normalised path. A `prefix` value has no trailing slash, except for `/` itself, which matches all. */
export type PathMatch = { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string }

export type RouteOrigin = {
  /** `Ingress default/web` */
  readonly object: string
  readonly namespace: string
  readonly name: string
  readonly file: string
  readonly line: number
}

/** All in milliseconds. */
export type TimeoutSpec = {
  readonly connectMs: number
  /** Between two successful writes towards the endpoint. */
  readonly sendMs: number
  /** Between two successful reads from the endpoint, the wait for the response head included. */
  readonly readMs: number
}

/** A policy's kind and its decoded configuration, plain data. The registry in policy/ knows what to make of it. */
export type PolicySpec = { readonly kind: string; readonly config: unknown }

export type PortSpec = { readonly kind: 'number'; readonly number: number } | { readonly kind: 'name'; readonly name: string }

export type DiscoveryMode = 'slices' | 'pods' | 'dns' | 'nodeport' | 'env'

export type UpstreamSpec = {
  /** `namespace/service:port`, the port as the route names it. */
  readonly id: string
  readonly namespace: string
  readonly service: string
  readonly port: PortSpec
  readonly protocol: 'http'
  /** In the order to try; the first that has an answer wins. */
  readonly discovery: readonly DiscoveryMode[]
}

export type CertificateSpec = {
  /** `namespace/secret` */
  readonly id: string
  /** PEM, the whole chain. */
  readonly certificate: string
  /** PEM. */
  readonly key: string
  /** Lower-case DNS names the leaf covers, wildcards as written. */
  readonly names: readonly string[]
  /** Milliseconds since the epoch. */
  readonly notAfter: number
}

export type TlsHostSpec = { readonly host: string; readonly certificate: string }

/** Where one endpoint is and what discovery knows of it. Addresses are IP literals, never names. */
export type EndpointSpec = {
  /** `address:port`, IPv6 in brackets: its identity within the upstream, and over generations. */
  readonly id: string
  readonly address: string
  readonly port: number
  /** DNS SRV semantics: lower priority first, weights within one priority. 0 and 1 where nothing says otherwise. */
  readonly priority: number
  readonly weight: number
  /** May receive new requests, as far as discovery can tell. */
  readonly ready: boolean
  /** Still answers requests of sessions bound to it, though it may be on its way out. */
  readonly serving: boolean
  readonly terminating: boolean
  /** For people: a Pod's name, a DNS target, a node's name. */
  readonly name: string | undefined
  readonly node: string | undefined
  readonly zone: string | undefined
}

/**
 * `pending`: never answered yet. `live`: the last answer was good. `empty`: a good answer that names nobody.
 * `stale`: the last answer failed, an earlier one is still used. `failed`: nothing usable was ever learned.
 */
export type DiscoveryState = 'pending' | 'live' | 'empty' | 'stale' | 'failed'

export type EndpointSet = {
  /** Id of the `UpstreamSpec`. */
  readonly upstream: string
  readonly state: DiscoveryState
  /** Which mode gave this answer; `undefined` while none has. */
  readonly mode: DiscoveryMode | undefined
  /** Sorted by id; no two with the same id. */
  readonly endpoints: readonly EndpointSpec[]
}
