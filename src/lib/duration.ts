/**
 * Durations as people write them: `250ms`, `30s`, `1m30s`, `2h`. Inside the program they are milliseconds.
 */

/** What to tell somebody whose text was not one. */
export const durationGrammar = 'a duration such as 250ms, 30s, 5m or 1h30m'

/** The longest that a timer of Node.js can wait, in milliseconds: beyond it, it does not wait at all. */
export const longestTimerMs = 2 ** 31 - 1

const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const
const shape = /^(?:\d+(?:\.\d+)?(?:ms|d|h|m|s))+$/
const part = /(\d+(?:\.\d+)?)(ms|d|h|m|s)/g

/** Milliseconds, rounded to whole ones; `undefined` for anything else. Only zero may stand without a unit. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!shape.test(text)) return undefined
  let total = 0
  let last = Infinity
  for (const [, amount, unit] of text.matchAll(part)) {
    // `shape` has admitted nothing but the units of the table, so the cast cannot lie.
    const size = unitMs[unit as keyof typeof unitMs]
    // Units fall from left to right, as in `1h30m`: `30m1h` and `1s1s` are slips of the keyboard.
    if (size >= last) return undefined
    last = size
    total += Number(amount) * size
  }
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined
}

/** The shortest exact form: 90000 is `1m30s`, 0 is `0s`. `parseDuration` reads it back. */
export function printDuration(ms: number): string {
  let rest = Math.round(ms)
  let text = ''
  for (const [unit, size] of Object.entries(unitMs)) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) text += `${count}${unit}`
  }
  return text === '' ? '0s' : text
}
