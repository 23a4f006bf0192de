/** Where two lists part: nearly always in a few places, so that nobody need look at the rest. */
export type Difference = {
  /** Items that both begin with. */
  readonly from: number
  /** Behind this, the first list ends as the second does. */
  readonly end: number
  /** The same place in the second. */
  readonly endAfter: number
}

/** Items are the same when they are the same object. */
export function differenceOf<T>(before: readonly T[], after: readonly T[]): Difference {
  let from = 0
  while (from < before.length && from < after.length && before[from] === after[from]) from += 1
  let [end, endAfter] = [before.length, after.length]
  while (end > from && endAfter > from && before[end - 1] === after[endAfter - 1]) {
    end -= 1
    endAfter -= 1
  }
  return { from, end, endAfter }
}
