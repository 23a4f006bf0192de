/** `outlier-detection`: when an endpoint that fails gets no traffic for a while. */
import { parseDuration } from '#lib/duration.ts'
import { outlierDefaults } from '#snapshot/outlier-defaults.ts'
import type { OutlierSpec } from '#snapshot/snapshot.ts'

export const outlierGrammar = 'off, or some of consecutive=5,base=30s,max=5m,percent=50'

export type ParsedOutlier =
  | { readonly kind: 'outlier'; readonly spec: OutlierSpec | 'off' }
  | { readonly kind: 'unreadable'; readonly because: string }

export function parseOutlier(text: string): ParsedOutlier {
  if (text === 'off') return { kind: 'outlier', spec: 'off' }
  let spec = outlierDefaults
  let maxSaid = false
  for (const part of text.split(',').map((each) => each.trim())) {
    const [name = '', value = ''] = part.split('=').map((each) => each.trim())
    const change = readPart(name, value)
    if (change === undefined) return { kind: 'unreadable', because: JSON.stringify(part) }
    maxSaid ||= name === 'max'
    spec = { ...spec, ...change }
  }
  if (spec.maxEjectionMs >= spec.baseEjectionMs) return { kind: 'outlier', spec }
  // Only a maximum that somebody wrote can contradict the base.
  if (maxSaid) return { kind: 'unreadable', because: 'a max below its base' }
  return { kind: 'outlier', spec: { ...spec, maxEjectionMs: spec.baseEjectionMs } }
}

function readPart(name: string, value: string): Partial<OutlierSpec> | undefined {
  const number = /^\d{1,6}$/.test(value) ? Number(value) : undefined
  const ms = parseDuration(value)
  if (name === 'consecutive' && number !== undefined && number >= 1) return { consecutiveFailures: number }
  if (name === 'percent' && number !== undefined && number <= 100) return { maxEjectedPercent: number }
  if (name === 'base' && ms !== undefined && ms >= 1) return { baseEjectionMs: ms }
  if (name === 'max' && ms !== undefined && ms >= 1) return { maxEjectionMs: ms }
  return undefined
}
