/** `proxy-next-upstream…` → when another endpoint may be asked. */
import type { RetryReason, RetrySpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readInteger, readText, report } from '../setting.ts'

/** In the order they are kept in. */
const reasons: readonly RetryReason[] = [
  'error',
  'timeout',
  'invalid_header',
  'non_idempotent',
  'http_403',
  'http_404',
  'http_429',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
]

/** ingress-nginx's own default. */
export const defaultRetry: RetrySpec = { on: ['error', 'timeout'], tries: 3, withinMs: 0 }

export const retryNames = ['proxy-next-upstream', 'proxy-next-upstream-tries', 'proxy-next-upstream-timeout'] as const

/** The keys have the same names in an annotation and in the global ConfigMap. `base` when none of them is written. */
export function readRetry(scope: Scope, base: RetrySpec | undefined): RetrySpec | undefined {
  if (retryNames.every((name) => readText(scope, name) === undefined)) return base
  const { on, tries, withinMs } = base ?? defaultRetry
  return {
    on: readReasons(scope) ?? on,
    tries: readInteger(scope, 'proxy-next-upstream-tries', tries, { min: 0, max: 1000 }),
    withinMs:
      readInteger(scope, 'proxy-next-upstream-timeout', withinMs / 1000, { min: 0, max: 2_147_483, unit: 'seconds' }) *
      1000,
  }
}

/** What `retry-non-idempotent` of the global ConfigMap makes of its other keys. */
export function withNonIdempotent(retry: RetrySpec | undefined): RetrySpec {
  const basis = retry ?? defaultRetry
  return { ...basis, on: reasons.filter((each) => each === 'non_idempotent' || basis.on.includes(each)) }
}

/** Empty for `off`, which silences every other word, as in nginx. */
function readReasons(scope: Scope): readonly RetryReason[] | undefined {
  const words = readText(scope, 'proxy-next-upstream')?.split(/\s+/)
  if (words === undefined) return undefined
  const wrong = words.find((word) => word !== 'off' && !reasons.some((each) => each === word))
  if (wrong === undefined) return words.includes('off') ? [] : reasons.filter((each) => words.includes(each))
  report(scope, 'proxy-next-upstream', {
    expected: `off, or some of ${reasons.join(', ')} with blanks between`,
    because: JSON.stringify(wrong),
    instead: 'the default is used',
  })
  return undefined
}
