/**
 * The answer to "what would happen to this request, and why": plain data for the terminal, the admin API and scripts.
 */
import type { Problem } from '#resource/problem.ts'
import type { EndpointState } from '#snapshot/endpoint-state.ts'
import type { ShownTls } from '#snapshot/print.ts'
import type {
  AffinityCookieSpec,
  EndpointSet,
  ErrorPagesSpec,
  PaceSpec,
  RetrySpec,
  TimeoutSpec,
  UpstreamSpec,
} from '#snapshot/snapshot.ts'
import type { PolicyEffect } from './policy-effect.ts'

export type Explanation = {
  readonly method: string
  readonly url: string
  readonly listener: { readonly scheme: 'http' | 'https'; readonly port: number }
  /** One sentence: what happens in the end. */
  readonly outcome: string
  /** Status that we answer ourselves, and its cause code where it is a failure; `undefined` when the request is forwarded. */
  readonly answer: { readonly status: number; readonly cause: string | undefined } | undefined
  /** As given and as matched; `undefined` when it cannot be read. `notes` say what was changed. */
  readonly host: Reading
  readonly path: Reading
  /** Only over https, and only where TLS ends here. */
  readonly certificate: CertificateChoice | undefined
  readonly winner: Contender | undefined
  readonly losers: readonly Contender[]
  /** Routes whose hosts have nothing to do with this request. */
  readonly unrelated: number
  readonly policies: readonly PolicyEffect[]
  readonly timeouts: TimeoutSpec | undefined
  /** `undefined` for the defaults. */
  readonly retry: RetrySpec | undefined
  /** `undefined` when the route sets none. */
  readonly affinityCookie: AffinityCookieSpec | undefined
  /** `undefined` when no part of the traffic goes elsewhere. */
  readonly canary: CanaryView | undefined
  /** 0 for no limit. */
  readonly maxBodyBytes: number | undefined
  /** `undefined` where responses leave as fast as they can. */
  readonly pace: PaceSpec | undefined
  /** Who answers in place of errors; `undefined` where they are told as they are. */
  readonly errors: ErrorPagesSpec | undefined
  readonly backend: BackendView | undefined
  /** What is wrong with the Ingress that wins. */
  readonly problems: readonly Problem[]
}

export type Reading = { readonly given: string; readonly routed: string | undefined; readonly notes: readonly string[] }

export type CertificateChoice = {
  /** `namespace/secret`, or `undefined` for the default certificate. */
  readonly id: string | undefined
  readonly names: readonly string[]
  /** Milliseconds since the epoch; `undefined` for the default certificate. */
  readonly notAfter: number | undefined
  readonly because: string
}

export type Contender = {
  /** `default/web shop.test Prefix /cart` */
  readonly rule: string
  readonly object: string
  readonly file: string
  readonly line: number
  readonly because: string
}

/** Where a canary takes a part of the route's traffic, and what it would do with this request. */
export type CanaryView = {
  readonly upstream: string
  readonly object: string
  readonly file: string
  readonly line: number
  /** Probability that this request goes there, 0 to 1. */
  readonly share: number
  readonly because: string
}

/** The upstream of the request as decided: the canary's when it is sure to go there. */
export type BackendView = {
  readonly upstream: string
  readonly discovery: UpstreamSpec['discovery']
  readonly state: EndpointSet['state'] | 'unknown'
  readonly mode: EndpointSet['mode']
  /** Its settings where they are not the defaults; without certificates and keys. */
  readonly settings: BackendSettings
  readonly endpoints: readonly EndpointView[]
}

export type BackendSettings = Pick<
  UpstreamSpec,
  'protocol' | 'balance' | 'affinity' | 'probe' | 'outlier' | 'slowStartMs' | 'bounds'
> & { readonly tls?: ShownTls }

export type EndpointView = {
  readonly id: string
  readonly name: string | undefined
  readonly state: EndpointState
  /** What health adds to that; `undefined` when there is nothing to say. */
  readonly health: string | undefined
}
