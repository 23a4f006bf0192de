/**
 * What an endpoint is good for now, in one word: the same in metrics, the admin API, the dashboard and explain.
 */
import type { EndpointSpec } from './snapshot.ts'

/** `draining`: on its way out, only for sessions bound to it. `waiting`: no probe has succeeded yet. */
export type EndpointState = 'ready' | 'draining' | 'ejected' | 'waiting' | 'unready'

export const endpointStates: readonly EndpointState[] = ['ready', 'draining', 'ejected', 'waiting', 'unready']

export function endpointState({ ready, serving, terminating, health }: EndpointSpec): EndpointState {
  if (ready && !terminating) return 'ready'
  if (serving && terminating) return 'draining'
  if (health?.ejectedUntil !== undefined) return 'ejected'
  return health?.probe === 'waiting' ? 'waiting' : 'unready'
}
