/** What the global ConfigMap says of the front door as a whole, beyond the defaults of Ingresses. */
import type { DoorSpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readBoolean } from '../setting.ts'
import { readConnectionLimits, readDrain } from './connection-keys.ts'
import { readForwarding } from './forwarding-keys.ts'

export type DoorOptions = {
  readonly compat: 'none' | 'ingress-nginx'
  /** Names of process flags that somebody has given. */
  readonly givenFlags: ReadonlySet<string>
}

/** `undefined` when no key changes anything. */
export function readDoor(scope: Scope, options: DoorOptions): DoorSpec | undefined {
  const limits = readConnectionLimits(scope, options)
  const drainMs = readDrain(scope, options)
  const forwarding = readForwarding(scope, options)
  const door: DoorSpec = {
    ...(limits && { limits }),
    ...(drainMs !== undefined && { drainMs }),
    ...(forwarding && { forwarding }),
    ...(readBoolean(scope, 'enable-underscores-in-headers', false) && { underscores: true }),
  }
  return Object.keys(door).length === 0 ? undefined : door
}
