/** One of several threads that ask the same rate cells as quickly as they can: tells how many requests were let through. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Rate, RateCells } from '#lib/gcra.ts'

export type RateErrand = {
  readonly buffer: SharedArrayBuffer
  readonly row: number
  /** All of them are asked for in turn, so many times. */
  readonly keys: number
  readonly rounds: number
  readonly rate: Rate
  /** Other keys that nobody asks for twice, between those; they do not count. */
  readonly beside: Rate | undefined
}

// The test gives exactly this.
const port = parentPort!
const { buffer, row, keys, rounds, rate, beside } = workerData as RateErrand
const rates = new RateCells(buffer, () => Number(process.hrtime.bigint()) / 1e6, row)
const meter = rates.meter('', rate)
const other = beside && rates.meter('beside', beside)

let allowed = 0
for (let round = 0; round < rounds; round++) {
  for (let key = 0; key < keys; key++) {
    if (meter.take(`key ${key}`).allowed) allowed++
    other?.take(`${row} ${round}`)
  }
}
port.postMessage(allowed)
