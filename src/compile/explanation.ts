/**
 * The answer to "what would happen to this request, and why": plain data for the terminal, the admin API and scripts.
 */
import type { Problem } from '#resource/problem.ts'
import type { EndpointSet, TimeoutSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
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
  /** Only over https. */
  readonly certificate: CertificateChoice | undefined
  readonly winner: Contender | undefined
  readonly losers: readonly Contender[]
  /** Routes whose hosts have nothing to do with this request. */
  readonly unrelated: number
  readonly policies: readonly PolicyEffect[]
  readonly timeouts: TimeoutSpec | undefined
  /** 0 for no limit. */
  readonly maxBodyBytes: number | undefined
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

export type BackendView = {
  readonly upstream: string
  readonly discovery: UpstreamSpec['discovery']
  readonly state: EndpointSet['state'] | 'unknown'
  readonly mode: EndpointSet['mode']
  readonly endpoints: readonly { readonly id: string; readonly name: string | undefined; readonly state: 'ready' | 'draining' | 'not ready' }[]
}
