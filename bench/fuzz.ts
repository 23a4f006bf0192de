/**
 * Compares what the fast lane reads with what node's parsers read, for as many inputs as wanted:
 * `node bench/fuzz.ts [count] [seed] [requests|responses]`. Prints every difference and exits with 1 if there is one. A
 * seed repeats its run.
 */
import { compareReadings } from '../test/support/differential.ts'
import { compareResponseReadings } from '../test/support/response-differential.ts'

const count = Number(process.argv[2] ?? 1_000_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32)
const only = process.argv[4]
/** Inputs of one report. */
const part = 100_000

const kinds = { requests: compareReadings, responses: compareResponseReadings }
let different = 0
for (const [kind, compare] of Object.entries(kinds)) {
  if (only !== undefined && only !== kind) continue
  console.log(`comparing ${count} ${kind} from seed ${seed}`)
  let accepted = 0
  let wrong = 0
  for (let done = 0; done < count; done += part) {
    const comparison = await compare(Math.min(part, count - done), seed + done / part)
    accepted += comparison.accepted
    wrong += comparison.differences.length
    for (const difference of comparison.differences) console.log(JSON.stringify(difference))
    console.log(
      `${done + comparison.inputs} ${kind}, ${accepted} accepted by the fast lane, ${wrong} read differently by node`,
    )
  }
  different += wrong
}
process.exit(different === 0 ? 0 : 1)
