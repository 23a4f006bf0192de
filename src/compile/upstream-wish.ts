/**
 * What one Ingress or Service asks for an upstream. An upstream is shared by every route that leads to its Service port,
 * so wishes can contradict each other: upstream-spec.ts settles them.
 */
import type { FieldPath } from '#resource/origin.ts'
import type { AffinitySpec, BalanceSpec, DiscoveryMode, OutlierSpec, UpstreamSpec } from '#snapshot/snapshot.ts'

/** A value and the annotation that asks for it. */
export type Wish<Value> = {
  readonly value: Value
  /** Name of the annotation without its prefix. */
  readonly key: string
  readonly at: FieldPath
}

/** How to speak TLS to endpoints, Secrets already read. Names are still as written: the Service completes them. */
export type TlsWish = {
  readonly verify: boolean
  readonly name?: string
  /** Send a server name: `name`, or the Service's. */
  readonly sendName: boolean
  readonly ca?: string
  readonly depth?: number
  readonly client?: { readonly certificate: string; readonly key: string }
  readonly minVersion?: 'TLSv1.3'
  readonly ciphers?: string
  /** It asks for protection: without TLS to the endpoints its routes answer 503. */
  readonly guards: boolean
}

export type UpstreamWish = {
  readonly discovery?: Wish<readonly DiscoveryMode[]> | undefined
  /** The Service's own address is the only endpoint. */
  readonly serviceAddress?: Wish<boolean> | undefined
  readonly protocol?: Wish<UpstreamSpec['protocol']> | undefined
  readonly tls?: Wish<TlsWish> | undefined
  readonly balance?: Wish<BalanceSpec> | undefined
  readonly affinity?: Wish<AffinitySpec> | undefined
  readonly outlier?: Wish<OutlierSpec | 'off'> | undefined
  readonly slowStartMs?: Wish<number> | undefined
  readonly connections?: Wish<number> | undefined
  readonly pending?: Wish<number> | undefined
  readonly pendingMs?: Wish<number> | undefined
}

export type Aspect = keyof UpstreamWish
