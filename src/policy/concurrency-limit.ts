/**
 * So many requests at once, the next ones in a short queue. A request counts from here until its last byte, whatever
 * becomes of it; one that is upgraded counts until its connection ends.
 */
import { matcher, parseCidr } from '#lib/cidr.ts'
import type { Pass } from '#lib/gate.ts'
import type { LimitKey } from './limit-key.ts'
import { keyReader } from './limit-key.ts'
import type { FilterContext } from './policy.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'

export type ConcurrencyLimitConfig = {
  /** Limits of the same id count together. */
  readonly id: string
  readonly limit: number
  /** Requests of one key that wait in one worker; 0 for none. */
  readonly queue: number
  readonly waitMs: number
  readonly key: LimitKey
  /** CIDRs of clients that are not counted. */
  readonly exempt: readonly string[]
  readonly status: number
  /** Only say in the log who would have been refused; nobody waits. */
  readonly shadow: boolean
}

const retryAfterSeconds = '1'

export const concurrencyLimit = definePolicy<ConcurrencyLimitConfig>({
  kind: 'concurrency-limit',
  create: ({ id, limit, queue, waitMs, key, exempt, status, shadow }, env) => {
    const isExempt = matcher(exempt.flatMap((text) => parseCidr(text) ?? []))
    const keyOf = keyReader(key)
    const passes = new WeakMap<FilterContext, Pass>()
    const bounds = { limit, queue: shadow ? 0 : queue, waitMs }
    const refusal = refuse(status, 'concurrency_limited', ['Retry-After', retryAfterSeconds])
    return {
      onRequest: (context) => {
        if (isExempt(context.client.address)) return undefined
        const pass = env.gate.enter(`${id}\0${keyOf(context)}`, bounds)
        passes.set(context, pass)
        if (pass.admitted === true) return undefined
        if (pass.admitted === false) {
          if (!shadow) return refusal
          env.note('a concurrency limit in shadow mode would have refused', id)
          return undefined
        }
        return pass.admitted.then((admitted) => (admitted ? undefined : refusal))
      },
      onFinish: (context) => passes.get(context)?.leave(),
    }
  },
})
