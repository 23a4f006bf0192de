/**
 * What holds for every connection and request while a snapshot is the newest: the process's own settings with what the
 * resources say instead. Worked out once, so that nothing of it is parsed or merged for a request.
 */
import { type Reading, readsEverything } from '#http/forwarded.ts'
import type { RequestBounds } from '#http/request.ts'
import { matcher, parseCidr } from '#lib/cidr.ts'
import { isEqual } from '#snapshot/diff.ts'
import type { DoorSpec } from '#snapshot/snapshot.ts'
import type { Connection } from './connection.ts'
import { defaultLimits, type Limits } from './limits.ts'

export type Terms = {
  /** The same object for as long as they say the same. */
  readonly limits: Limits
  readonly bounds: { readonly [scheme in Connection['scheme']]: RequestBounds }
  readonly forwarding: Forwarding
}

/** What becomes of the fields that tell who the client is, on the way in and on the way out. */
export type Forwarding = Reading & {
  /** Whether forwarded fields of this peer are believed. */
  readonly trusts: (address: string) => boolean
  readonly tells: 'chain' | 'client'
  readonly keepUnderscores: boolean
}

/** The process's own settings. */
export type TermsBase = {
  readonly limits: Limits
  /** CIDRs of proxies whose forwarded fields are believed. */
  readonly trustedProxies: readonly string[]
}

export const defaultBase: TermsBase = { limits: defaultLimits, trustedProxies: [] }

/** `before`: those of the last snapshot, parts of which are kept where nothing changes. */
export function termsOf(door: DoorSpec | undefined, base: TermsBase, before?: Terms): Terms {
  const merged: Limits = { ...base.limits, ...door?.limits }
  const limits = before !== undefined && isEqual(before.limits, merged) ? before.limits : merged
  return {
    limits,
    bounds: { http: { ...limits, scheme: 'http' }, https: { ...limits, scheme: 'https' } },
    forwarding: forwardingOf(door, base),
  }
}

function forwardingOf(door: DoorSpec | undefined, { trustedProxies }: TermsBase): Forwarding {
  const { trusted = trustedProxies, ...reading } = door?.forwarding ?? { ...readsEverything, tells: 'chain' }
  return { ...reading, trusts: trustOf(trusted), keepUnderscores: door?.underscores === true }
}

/** CIDRs that cannot be read were refused where they are written; here they would mean nobody. */
function trustOf(cidrs: readonly string[]): (address: string) => boolean {
  return matcher(cidrs.flatMap((text) => parseCidr(text) ?? []))
}
