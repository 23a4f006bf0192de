/** Annotations about who answers when the backend cannot, or answers with an error. */
import type { Scope } from '../setting.ts'
import { readBoolean, readMatching, readText, report } from '../setting.ts'

export const errorPageNames = ['default-backend', 'custom-http-errors', 'disable-proxy-intercept-errors'] as const

export type ErrorPages = {
  /** Name of a Service of the Ingress's own namespace. */
  readonly service: string | undefined
  /** Sorted. */
  readonly statuses: readonly number[]
  /** Answers of endpoints pass as they are. */
  readonly passEndpoints: boolean
}

export const noErrorPages: ErrorPages = { service: undefined, statuses: [], passEndpoints: false }

/** The same reader serves the global ConfigMap; an annotation replaces the global list. */
export function readErrorPages(scope: Scope, base: ErrorPages): ErrorPages {
  const service = readMatching(scope, 'default-backend', {
    test: (text) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text),
    expected: 'the name of a Service of the same namespace',
  })
  const statuses = readStatuses(scope) ?? base.statuses
  const passEndpoints = readBoolean(scope, 'disable-proxy-intercept-errors', base.passEndpoints)
  return { service, statuses, passEndpoints }
}

function readStatuses(scope: Scope): readonly number[] | undefined {
  const text = readText(scope, 'custom-http-errors')
  if (text === undefined) return undefined
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const wrong = parts.filter((part) => !/^[45]\d\d$/.test(part))
  if (wrong.length > 0)
    report(scope, 'custom-http-errors', {
      expected: 'statuses from 400 to 599 with commas between',
      because: JSON.stringify(wrong[0]),
      instead: 'the others are used',
    })
  return [...new Set(parts.filter((part) => !wrong.includes(part)).map(Number))].toSorted((a, b) => a - b)
}
