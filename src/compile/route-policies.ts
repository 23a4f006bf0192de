/** Policies that routes have whoever wrote them. */
import { networkPolicy } from '#policy/network-policy.ts'
import type { PolicySpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Globals } from './ingress-nginx/config-map.ts'
import type { NetworkPolicies } from './network-policy.ts'

/** Of every route. */
export function globalPolicies({ blocks, routes }: Pick<Globals, 'blocks' | 'routes'>): readonly PolicySpec[] {
  return [...(blocks === undefined ? [] : [blocks]), ...routes.policies]
}

/** Who may reach the Pods behind an upstream. */
export function admission(target: UpstreamSpec, networkPolicies: NetworkPolicies): readonly PolicySpec[] {
  const config = networkPolicies.of(target)
  return config === undefined ? [] : [networkPolicy.spec(config)]
}
