/**
 * What one discovery mode says about one upstream, and the canonical form of the endpoints in it.
 */
import type { EndpointSet, EndpointSpec } from '#snapshot/snapshot.ts'
import { canonicalAddress, endpointId, unusableReason } from './address.ts'

/**
 * `none`: this mode knows nothing here, the next one may speak. `pending`: it has been asked, wait for it.
 * `answer`: it knows; with `yields` (a name that DNS does not know) a later mode that knows better is preferred.
 * `says` is one sentence for people.
 */
export type Answer =
  | { readonly kind: 'none'; readonly says: string }
  | { readonly kind: 'pending'; readonly says: string }
  | {
      readonly kind: 'answer'
      readonly state: 'live' | 'empty' | 'stale'
      readonly yields: boolean
      /** Canonical: see `canonical`. */
      readonly endpoints: readonly EndpointSpec[]
      readonly says: string
    }

export type EndpointInit = Pick<EndpointSpec, 'address' | 'port'> & Partial<Omit<EndpointSpec, 'id'>>

/** An endpoint with everything unsaid at its default; `address` is canonical. */
export function endpointAt(init: EndpointInit): EndpointSpec {
  return {
    priority: 0,
    weight: 1,
    ready: true,
    serving: true,
    terminating: false,
    name: undefined,
    node: undefined,
    zone: undefined,
    ...init,
    id: endpointId(init.address, init.port),
  }
}

export function none(says: string): Answer {
  return { kind: 'none', says }
}

/** An answer out of the folder: `live` when it names anybody at all, ready or not. */
export function answerOf(endpoints: readonly EndpointSpec[], says: string): Answer {
  const usable: EndpointSpec[] = []
  const refused: string[] = []
  for (const each of endpoints) {
    const address = canonicalAddress(each.address)
    const reason = address === undefined ? 'no IP address' : unusableReason(address)
    if (address === undefined || reason !== undefined) refused.push(`${each.address} is left out: ${reason}`)
    else usable.push({ ...each, address, id: endpointId(address, each.port) })
  }
  const set = canonical(usable)
  const ready = set.filter((each) => each.ready).length
  return {
    kind: 'answer',
    state: set.length === 0 ? 'empty' : 'live',
    yields: false,
    endpoints: set,
    says: [`${says}: ${set.length === 0 ? 'nobody' : `${ready} of ${set.length} ready`}`, ...refused].join('; '),
  }
}

/** Sorted by id, no two with the same id: of duplicates the ready, then the preferred, then the heavier one stays. */
export function canonical(endpoints: readonly EndpointSpec[]): readonly EndpointSpec[] {
  const best = new Map<string, EndpointSpec>()
  for (const each of endpoints) {
    const other = best.get(each.id)
    if (other === undefined || byMerit(each, other) < 0) best.set(each.id, each)
  }
  return [...best.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

/** Both sets say the same. Endpoints are plain data made with the same keys in any order. */
export function sameSet(a: EndpointSet, b: EndpointSet): boolean {
  if (a.state !== b.state || a.mode !== b.mode || a.endpoints.length !== b.endpoints.length) return false
  return a.endpoints.every((each, index) => sameEndpoint(each, b.endpoints[index]!))
}

function sameEndpoint(a: EndpointSpec, b: EndpointSpec): boolean {
  return (
    a.id === b.id &&
    a.priority === b.priority &&
    a.weight === b.weight &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    a.name === b.name &&
    a.node === b.node &&
    a.zone === b.zone
  )
}

function byMerit(a: EndpointSpec, b: EndpointSpec): number {
  return Number(b.ready) - Number(a.ready) || a.priority - b.priority || b.weight - a.weight
}
