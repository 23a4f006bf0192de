/**
 * The contract between the planes: everything a worker needs to route, as plain data. No functions, no instances, so
 * it prints, diffs, and crosses a thread boundary as JSON. Compiled once on the main thread, never changed afterwards.
 *
 * Endpoints are not in it: they change far more often and travel as `EndpointSet`, keyed by upstream id.
 */
import type { TextMatch } from '#lib/text-match.ts'

export type Snapshot = {
  /** Grows by one with every snapshot that differs from the one before. */
  readonly generation: number
  /** In order of precedence within a host (see route/precedence.ts). Ids are unique. */
  readonly routes: readonly RouteSpec[]
  readonly upstreams: readonly UpstreamSpec[]
  readonly certificates: readonly CertificateSpec[]
  /** Which certificate a server name gets. Hosts that name no usable certificate are absent: they get the default one. */
  readonly tlsHosts: readonly TlsHostSpec[]
  /** What is to be known of a server name before its handshake begins. Empty where no host asks for anything. */
  readonly serverNames: readonly ServerNameSpec[]
  /** What client certificates are verified against. Ids are unique, and change with the content. */
  readonly clientAuths: readonly ClientAuthSpec[]
  /** Absent: as flags and defaults say. */
  readonly listener?: ListenerSpec
  /** Where requests go that no route takes; absent for 404. Its host and path say nothing. */
  readonly unmatched?: RouteSpec
  /** Absent: every request is in the access log, unless its route says otherwise. */
  readonly accessLog?: AccessLogSpec
  /** Absent: what the environment says of traces counts. */
  readonly tracing?: TracingSpec
  /** Absent: the process's own settings. */
  readonly door?: DoorSpec
}

/** What the resources say of the front door as a whole. Absent members: the process's own settings. */
export type DoorSpec = {
  readonly limits?: DoorLimitsSpec
  /** How long requests in flight may take to finish when the process ends, in milliseconds. */
  readonly drainMs?: number
  readonly forwarding?: ForwardingSpec
  /** Fields with underscores in their names go on to endpoints, unless they imitate others. */
  readonly underscores?: true
}

/** Bounds that replace those of the process (proxy/limits.ts has their meaning): for connections from now on. */
export type DoorLimitsSpec = {
  readonly headerBytes?: number
  readonly targetBytes?: number
  readonly headerTimeoutMs?: number
  readonly bodyIdleTimeoutMs?: number
  readonly idleTimeoutMs?: number
  readonly requestsPerConnection?: number
  readonly streamsPerConnection?: number
  readonly upstreamIdleTimeoutMs?: number
  readonly upstreamIdleConnections?: number
  readonly upstreamLifetimeMs?: number
  readonly upstreamRequests?: number
}

/** Whose word about the client counts, and how far. */
export type ForwardingSpec = {
  /** CIDRs of proxies that are believed; absent for those of the process. */
  readonly trusted?: readonly string[]
  /** `address`: only who the client is, not how it came. */
  readonly believes: 'all' | 'address'
  /** Field that lists the addresses, in lower case. */
  readonly listField: string
  /** What X-Forwarded-For says to endpoints: all addresses there are, or the client's alone. */
  readonly tells: 'chain' | 'client'
}

/** How traces are made and where they go; what is not written is as the environment says. */
export type TracingSpec = {
  /** Whole URL of a collector that speaks OTLP/HTTP. */
  readonly endpoint?: string
  readonly serviceName?: string
  /** `ratio`: from 0 to 1. `parentBased`: a trace that began elsewhere is sampled as was decided there. */
  readonly sampler?: { readonly ratio: number; readonly parentBased: boolean }
  /** Of each worker: most spans that wait, most of one export, and milliseconds between two. */
  readonly mostSpans?: number
  readonly batchSpans?: number
  readonly delayMs?: number
}

/** What is kept out of the access log. */
export type AccessLogSpec = {
  /** Everything. */
  readonly off?: true
  /** Requests that no route takes. */
  readonly unmatched?: false
  /** Requests whose target, as received, is one of these. */
  readonly skip?: readonly TextMatch[]
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
  /** Present where its requests are kept out of the access log. They are counted all the same. */
  readonly logged?: false
  /** Absent: its requests are no part of a trace of ours. */
  readonly tracing?: RouteTracingSpec
  /** How fast the bodies of endpoints' responses leave; absent for as fast as they can. */
  readonly pace?: PaceSpec
  /** Absent: errors are told as they are. */
  readonly errors?: ErrorPagesSpec
  /** Absent: no part of the traffic goes elsewhere. */
  readonly canary?: CanarySpec
  /** Absent: the defaults of upstream/retry. */
  readonly retry?: RetrySpec
  /** The cookie this route sets for sessions of its upstream. Absent: it sets none, but honours one that is there. */
  readonly affinityCookie?: AffinityCookieSpec
}

export type RouteTracingSpec = {
  /** The trace that a request says it belongs to is continued; else each begins anew. */
  readonly trust: boolean
  /** Name of its spans, text and names of variables in turn. Absent: method and path of the rule. */
  readonly operation?: readonly (string | { readonly variable: string })[]
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
  /** From the request's head to the last byte of its response; absent for no bound. */
  readonly requestMs?: number
  /** Without a byte in either direction once the response has begun; absent for no bound of its own. */
  readonly streamIdleMs?: number
}

/** Every response is counted for itself. */
export type PaceSpec = {
  readonly bytesPerSecond: number
  /** So much leaves at once. */
  readonly afterBytes: number
}

/** Who answers in place of errors, and what it is told of the route. */
export type ErrorPagesSpec = {
  /** Id of an `UpstreamSpec`. */
  readonly upstream: string
  /** Answers and failures with these statuses are replaced; sorted. */
  readonly statuses: readonly number[]
  /** Answers of endpoints are never replaced. */
  readonly passEndpoints: boolean
  /** Who may be answered by it: for the others errors are told as they are. Absent for everybody. */
  readonly policies?: readonly PolicySpec[]
  /** It gets the requests, too, when the route's own upstream has no endpoint at all. */
  readonly whenEmpty: boolean
  readonly namespace: string
  readonly ingress: string
  /** Of the route's backend; empty where it is no Service. */
  readonly service: string
  readonly port: string
}

/** Which part of a route's traffic goes to another upstream. Judged in the order of the fields. */
export type CanarySpec = {
  /** Id of an `UpstreamSpec`. */
  readonly upstream: string
  /** Ingress that asked for it; for explain. */
  readonly origin: RouteOrigin
  /**
   * Without `value` and `pattern`: `always` and `never` decide, anything else goes on. With one of them: a match
   * decides for the canary, anything else goes on. `pattern` runs on the linear-time engine of lib/.
   */
  readonly header?: { readonly name: string; readonly value?: string; readonly pattern?: string }
  /** Name of a cookie whose `always` and `never` decide. */
  readonly cookie?: string
  /** `weight` of `total` requests, at random. */
  readonly weight: number
  readonly total: number
  /** `legacy`: judged again for every request. `sticky`: a session stays where its affinity cookie says. */
  readonly affinity: 'sticky' | 'legacy'
}

/** When another endpoint may be asked, as `proxy-next-upstream` says it. */
export type RetrySpec = {
  /** `error` and `timeout` of the connection or the wait; statuses of endpoints; `non_idempotent` allows any method. */
  readonly on: readonly RetryReason[]
  /** Attempts in all; 0 for as many as there are endpoints. */
  readonly tries: number
  /** No further attempt once this many milliseconds have passed; 0 for no bound. */
  readonly withinMs: number
}

export type RetryReason =
  | 'error'
  | 'timeout'
  | 'invalid_header'
  | 'non_idempotent'
  | 'http_403'
  | 'http_404'
  | 'http_429'
  | 'http_500'
  | 'http_502'
  | 'http_503'
  | 'http_504'

/** Attributes of the affinity cookie as this route sets it. */
export type AffinityCookieSpec = {
  readonly name: string
  readonly path: string
  readonly domain?: string
  /** Seconds. */
  readonly maxAge?: number
  /** Seconds from now. */
  readonly expires?: number
  readonly sameSite?: 'None' | 'Lax' | 'Strict'
  /** `SameSite=None` is left out for clients known to misread it. */
  readonly conditionalSameSiteNone?: boolean
  /** `auto`: exactly when the client's connection is encrypted. */
  readonly secure: 'auto' | 'always'
  /** A session whose endpoint failed is bound to the one that answered instead. */
  readonly changeOnFailure: boolean
}

/** A policy's kind and its decoded configuration, plain data. The registry in policy/ knows what to make of it. */
export type PolicySpec = { readonly kind: string; readonly config: unknown }

export type PortSpec =
  { readonly kind: 'number'; readonly number: number } | { readonly kind: 'name'; readonly name: string }

/** `service`: the Service's own address, for those who want nobody else's (`service-upstream`). */
export type DiscoveryMode = 'slices' | 'pods' | 'dns' | 'nodeport' | 'env' | 'service'

export type UpstreamSpec = {
  /** `namespace/service:port`, the port as the route names it. */
  readonly id: string
  readonly namespace: string
  readonly service: string
  readonly port: PortSpec
  /** `auto`: as the client's own connection. `grpc` is HTTP/2 without TLS, `grpcs` with. */
  readonly protocol: 'http' | 'https' | 'grpc' | 'grpcs' | 'auto'
  /** In the order to try; the first that has an answer wins. */
  readonly discovery: readonly DiscoveryMode[]
  /** Absent: round robin. */
  readonly balance?: BalanceSpec
  /** Absent: requests are not bound to endpoints. */
  readonly affinity?: AffinitySpec
  /** Absent: what discovery says is believed at once. */
  readonly probe?: ProbeSpec
  /** Absent: the defaults of health/outlier; `off` only where somebody said so. */
  readonly outlier?: OutlierSpec | 'off'
  /** A new endpoint's share grows from a little to its full weight over this many milliseconds; absent for at once. */
  readonly slowStartMs?: number
  /** Absent: the process's limits. */
  readonly bounds?: UpstreamBoundsSpec
  /** How to speak TLS to the endpoints; only with `https` and `grpcs`. Absent: unverified, no server name. */
  readonly tls?: UpstreamTlsSpec
}

/** What a hash is made of, joined in order. */
export type HashPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'clientAddress' }
  | { readonly kind: 'host' }
  | { readonly kind: 'path' }
  /** Path and query as received. */
  | { readonly kind: 'target' }
  | { readonly kind: 'method' }
  | { readonly kind: 'scheme' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string }
  | { readonly kind: 'argument'; readonly name: string }

export type BalanceSpec =
  | { readonly kind: 'roundRobin' }
  | { readonly kind: 'leastRequest' }
  | { readonly kind: 'ewma' }
  /** `subset`: the key chooses a group of this many endpoints, chance one of them. */
  | { readonly kind: 'ringHash'; readonly key: readonly HashPart[]; readonly subset?: number }

export type AffinitySpec =
  /** `balanced`: a session follows a consistent hash of its key. `persistent`: it keeps its very endpoint. */
  | { readonly kind: 'cookie'; readonly mode: 'balanced' | 'persistent'; readonly cookieName: string }
  | { readonly kind: 'clientIP'; readonly timeoutMs: number }

/** A readiness probe, ready to run; all times in milliseconds. */
export type ProbeSpec = {
  readonly action:
    | {
        readonly kind: 'http'
        readonly scheme: 'http' | 'https'
        readonly path: string
        readonly fields: readonly string[]
      }
    | { readonly kind: 'tcp' }
    | { readonly kind: 'grpc'; readonly service: string }
  /** Port to probe; absent for the endpoint's own. */
  readonly port?: number
  /**
   * The Pods' own port behind the Service's, where it is known. With `port`, endpoints at any other port are not Pods
   * (a node, a stand-in): what is asked for is not there, and they are believed without a probe.
   */
  readonly ownPort?: number
  readonly initialDelayMs: number
  readonly periodMs: number
  readonly timeoutMs: number
  readonly successThreshold: number
  readonly failureThreshold: number
  /** Where it was written; for explain. */
  readonly origin: string
}

export type OutlierSpec = {
  /** Failures in a row (connect failures, resets, timeouts, 5xx from the endpoint) that eject it. */
  readonly consecutiveFailures: number
  /** First ejection; each further one lasts that much longer, up to the maximum. */
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  /** Never more than this share of the endpoints, 0 to 100. */
  readonly maxEjectedPercent: number
}

export type UpstreamBoundsSpec = {
  /** Connections to one endpoint. */
  readonly connections?: number
  /** Requests waiting for one of them. */
  readonly pending?: number
  /** How long they wait. */
  readonly pendingMs?: number
}

export type UpstreamTlsSpec = {
  readonly verify: boolean
  /** Name to verify the certificate against; absent for the Service's DNS name. */
  readonly name?: string
  /** Name sent as SNI; absent for none. */
  readonly serverName?: string
  /** PEM bundle; absent for the system's. */
  readonly ca?: string
  /** Authorities that may stand between a verified certificate and the one that ends its chain; absent for any number. */
  readonly depth?: number
  readonly client?: { readonly certificate: string; readonly key: string }
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  readonly ciphers?: string
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

/** A name that asks for nothing is only here to be told from a wildcard that does. */
export type ServerNameSpec = {
  /** As in `RouteSpec`: empty for names that no other entry fits, and for clients that name no server. */
  readonly host: string
  /** Id of a `ClientAuthSpec`: clients are asked for a certificate. */
  readonly clientAuth?: string
  /** Where TLS is not spoken as on all other hosts. */
  readonly tls?: HostTlsSpec
  /** Connections are passed on unread. */
  readonly passthrough?: PassthroughSpec
}

export type HostTlsSpec = {
  /** For TLS 1.2, in the form of OpenSSL; absent for those of `TlsSettingsSpec`. */
  readonly ciphers?: string
  /** The order of our suites counts, not that of the client; absent is false. */
  readonly ourOrder?: boolean
}

export type PassthroughSpec = {
  /** Id of the `RouteSpec` it follows from; for the access log. */
  readonly route: string
  /** Id of an `UpstreamSpec`; absent where connections are closed. */
  readonly upstream?: string
  /** Those that ask for nothing but the client's address. */
  readonly policies: readonly PolicySpec[]
  readonly connectMs: number
  /** Without a byte in either direction. */
  readonly idleMs: number
  /** Present where its connections are kept out of the access log. */
  readonly logged?: false
}

/** How connections are accepted; a change counts for new ones. */
export type ListenerSpec = {
  /** Connections begin with a header of the PROXY protocol, whatever flags say. */
  readonly proxyProtocol?: true
  /** Until that header is there, in milliseconds. */
  readonly proxyHeaderMs?: number
  readonly tls?: TlsSettingsSpec
}

/** How TLS is spoken to clients; what is not written stays as it is by default. */
export type TlsSettingsSpec = {
  readonly minVersion?: 'TLSv1.3'
  readonly maxVersion?: 'TLSv1.2'
  /** For TLS 1.2, in the form of OpenSSL. */
  readonly ciphers?: string
  /** Groups for the key exchange, with colons between. */
  readonly curves?: string
  /** No tickets are given, so no session is resumed. */
  readonly tickets?: false
  /** What seals tickets, in place of random keys: base64 of 48 bytes, a name, a key of HMAC and one of AES, 16 each. */
  readonly ticketKey?: { readonly secret: string }
  /** How long a session may be resumed. */
  readonly sessionSeconds?: number
  /** Handshakes for names without a certificate of their own are refused. */
  readonly strict?: true
  /** HTTP/2 is not offered. */
  readonly http2?: false
  /** Answers of the certificates' responders are stapled to handshakes. */
  readonly ocsp?: true
}

export type ClientAuthSpec = {
  readonly id: string
  /** PEM bundle of the authorities whose clients are believed. */
  readonly ca: string
  /** PEM lists of revoked certificates; with them every authority of a chain needs one. */
  readonly crl?: string
}

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
  /** Set by health/ on the way to the workers. Absent: it was not asked. */
  readonly health?: EndpointHealth
  /** Where all workers count what is under way at it; given on the way to them. Absent: each counts for itself. */
  readonly slot?: number
}

/** What health/ adds to what discovery says. `ready` of the endpoint already takes it into account. */
export type EndpointHealth = {
  /** `waiting`: no probe has been answered yet, so it gets no traffic. */
  readonly probe?: 'waiting' | 'passing' | 'failing'
  /** Milliseconds since the epoch. Present while it is ejected for its failures. */
  readonly ejectedUntil?: number
  /** Milliseconds since the epoch: when it became ready, for slow start. */
  readonly readySince?: number
  /** Why it is as it is, for people; only where somebody explains, never on its way to a worker. */
  readonly says?: string
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
