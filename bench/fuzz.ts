/**
 * Compares what the fast lane reads with what node's parser reads, for as many inputs as wanted:
 * `node bench/fuzz.ts [count] [seed]`. Prints every difference and exits with 1 if there is one. A seed repeats its run.
 */
import { compareReadings } from '../test/support/differential.ts'

const count = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32)
/** Inputs of one report. */
const part = 100_000

console.log(`comparing ${count} inputs from seed ${seed}`)
let accepted = 0
let different = 0
for (let done = 0; done < count; done += part) {
  const comparison = await compareReadings(Math.min(part, count - done), seed + done / part)
  accepted += comparison.accepted
  different += comparison.differences.length
  for (const { input, fast, node } of comparison.differences) console.log(JSON.stringify({ input, fast, node }))
  console.log(
    `${done + comparison.inputs} inputs, ${accepted} messages accepted by the fast lane, ${different} read differently by node`,
  )
}
process.exit(different === 0 ? 0 : 1)
