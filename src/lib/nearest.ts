/**
 * The known name somebody probably meant, for messages about unknown ones.
 */

/** The closest of `names` if it is close enough to be a slip; earlier names win ties. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  // A third of the letters may be wrong: more would offer strangers.
  let bound = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bound)
    if (distance >= bound) continue
    best = candidate
    bound = distance
  }
  return best
}

/** `; do you mean https-port?`, or nothing: to be appended to a sentence about an unknown name. */
export function didYouMean(name: string, names: Iterable<string>): string {
  const meant = nearest(name, names)
  return meant === undefined ? '' : `; do you mean ${meant}?`
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment); `bound` when not below it. */
export function editDistance(from: string, to: string, bound: number): number {
  if (Math.abs(from.length - to.length) >= bound) return bound
  let before: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1]
      let cost = Math.min(row[j - 1]! + 1, previous[j]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return Math.min(bound, previous[to.length]!)
}
