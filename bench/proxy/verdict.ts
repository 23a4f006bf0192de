/**
 * Who was best, if anybody was: a difference that is smaller than what one proxy's own rounds differ by says nothing.
 */
import type { Range } from './result.ts'

export type Candidate = { readonly name: string; readonly range: Range; readonly rounds: number }
export type Verdict =
  | { readonly kind: 'winner'; readonly name: string; readonly by: number }
  | { readonly kind: 'none'; readonly reason: string }

/** `better`: whether less or more of the number is better. `by` is a factor of at least 1. */
export function verdict(candidates: readonly Candidate[], better: 'less' | 'more'): Verdict {
  const ranked = candidates.toSorted((a, b) => (better === 'less' ? 1 : -1) * (a.range.median - b.range.median))
  const [first, second] = ranked
  if (first === undefined || second === undefined) return { kind: 'none', reason: 'there is nobody to compare with' }
  if (first.rounds < 2 || second.rounds < 2)
    return { kind: 'none', reason: 'one round does not show how much rounds differ' }
  const difference = Math.abs(first.range.median - second.range.median)
  const spread = Math.max(spreadOf(first), spreadOf(second))
  if (spread >= difference) {
    const share = Math.round((100 * spread) / first.range.median)
    return {
      kind: 'none',
      reason: `${first.name} and ${second.name} differ by less than their own rounds do (${share} %)`,
    }
  }
  const by = Math.max(first.range.median, second.range.median) / Math.min(first.range.median, second.range.median)
  return { kind: 'winner', name: first.name, by }
}

function spreadOf({ range }: Candidate): number {
  return range.max - range.min
}
