/**
 * The contract of a policy: a configured behaviour attached to a route.
 *
 * To add one: a file here that calls `definePolicy`, a line in registry.ts, a mapping in compile/ingress-nginx, a row
 * in docs/annotations.md and a table test. Nothing in proxy/ or lane/ changes.
 */
import type { RequestHead, ResponseHead } from '#http/head.ts'

/** A response made by us. Fields are a flat list of name, value, name, value. */
export type Reply = { readonly status: number; readonly fields: readonly string[]; readonly body: string }

/** Who asks, as far as we believe it: forwarded fields count only from trusted proxies. */
export type Client = {
  /** IP literal of the client. */
  readonly address: string
  /** `https` when the client's own connection was encrypted. */
  readonly scheme: 'http' | 'https'
  /** Port of ours that the client addressed. */
  readonly port: number
}

/** What a filter sees of a request. `received` never changes; `sent` is the mutable copy that goes to the endpoint. */
export type FilterContext = {
  readonly client: Client
  readonly received: RequestHead
  /** Lower-case host without port, as routed. */
  readonly host: string
  /** Normalised path, as routed. */
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
  readonly sent: { method: string; target: string; fields: string[] }
}

/** The running form of a policy. A returned `Reply` ends the request there; nothing returned lets it go on. */
export type Filter = {
  readonly onRequest?: (context: FilterContext) => Reply | undefined | Promise<Reply | undefined>
  /** May change `head.fields`. Runs for responses of endpoints and for our own replies, in reverse order. */
  readonly onResponse?: (context: FilterContext, head: ResponseHead) => void
}

/** What a filter may need from the world; everything else it gets from its config. */
export type FilterEnv = { readonly now: () => number; readonly random: () => number; readonly httpsPort: number }

export type Policy = { readonly kind: string; readonly create: (config: unknown, env: FilterEnv) => Filter }

/** `Config` is plain data that compile has already decoded: no validation happens here. */
export function definePolicy<Config>(policy: {
  readonly kind: string
  readonly create: (config: Config, env: FilterEnv) => Filter
}): Policy & { readonly spec: (config: Config) => { readonly kind: string; readonly config: Config } } {
  // Only `spec` of this same policy makes configs of this kind, so the cast cannot lie.
  return { kind: policy.kind, create: (config, env) => policy.create(config as Config, env), spec: (config) => ({ kind: policy.kind, config }) }
}
