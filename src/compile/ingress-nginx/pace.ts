/** Annotations and global keys about how fast a response may leave. */
import type { PaceSpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readInteger } from '../setting.ts'

export const paceNames = ['limit-rate', 'limit-rate-after'] as const

export const paceRows: readonly AnnotationRow[] = [
  honoured(
    'limit-rate',
    'KiB per second, a whole number; 0 for no limit (0)',
    'The body of every response of an endpoint leaves no faster; the endpoint is read no faster either. Each response is counted for itself. Upgraded connections are not. ingress-nginx documents bytes, and means KiB: so it is here.',
  ),
  honoured(
    'limit-rate-after',
    'KiB, a whole number (0)',
    'So much of every response leaves at once, before `limit-rate` counts.',
  ),
]

export type Pace = {
  /** KiB per second; 0 for no limit. */
  readonly rate: number
  /** KiB. */
  readonly after: number
}

export const noPace: Pace = { rate: 0, after: 0 }

/** What `limit_rate` of nginx could count, in KiB. */
const most = 2 ** 31 - 1

/** The same reader serves the global ConfigMap; an annotation counts before it. */
export function readPace(scope: Scope, base: Pace): Pace {
  return {
    rate: readInteger(scope, 'limit-rate', base.rate, { min: 0, max: most, unit: 'KiB per second' }),
    after: readInteger(scope, 'limit-rate-after', base.after, { min: 0, max: most, unit: 'KiB' }),
  }
}

/** `undefined` where there is no limit. */
export function paceSpec({ rate, after }: Pace): PaceSpec | undefined {
  return rate === 0 ? undefined : { bytesPerSecond: rate * 1024, afterBytes: after * 1024 }
}
