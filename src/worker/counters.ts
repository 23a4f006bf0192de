/** Memory in which all workers count together; main makes it, once, and hands it to each of them. */
import { randomBytes } from 'node:crypto'
import { clearRateMarks, createRateCells, defaultCells } from '#lib/gcra.ts'
import type { HashKey } from '#lib/half-siphash.ts'
import { clearLedgerRow, createLedger } from '#lib/ledger.ts'
import { createTurn, endTurn } from '#lib/turn.ts'
import { clearInFlight, createInFlight, defaultWidth } from '#lib/in-flight.ts'
import { ledgerSlots } from './slots.ts'

export type Counters = {
  readonly rates: SharedArrayBuffer
  readonly inFlight: SharedArrayBuffer
  /** Attempts under way at endpoints. */
  readonly ledger: SharedArrayBuffer
  /** Who may write to the access log, where only one may at a time. */
  readonly logTurn: SharedArrayBuffer
  /** Workers that count what is under way, each in a row of its own. */
  readonly rows: number
}

export function createCounters(rows: number): Counters {
  return {
    rates: createRateCells(defaultCells, randomKey(), sharedNow()),
    inFlight: createInFlight(rows, defaultWidth, randomKey()),
    ledger: createLedger(rows, ledgerSlots),
    logTurn: createTurn(),
    rows,
  }
}

/** What the worker of this row had under way ended with it. */
export function forgetRow({ rates, inFlight, ledger, logTurn, rows }: Counters, row: number): void {
  clearRateMarks(rates, row)
  clearLedgerRow(ledger, rows, row)
  clearInFlight(inFlight, rows, row)
  endTurn(logTurn, row)
}

/** Milliseconds of a clock that never goes back and is the same in every thread. */
export function sharedNow(): number {
  return performance.now() + beganAt
}

/** `performance.now` is the same clock, but counts from the thread's own beginning, and is read without garbage. */
const beganAt = hrtimeMs() - performance.now()

function hrtimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1e6
}

function randomKey(): HashKey {
  const bytes = randomBytes(8)
  return [bytes.readInt32LE(0), bytes.readInt32LE(4)]
}
