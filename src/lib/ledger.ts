/**
 * Counts that several workers keep of the same numbered things, in memory they share: a row for each worker, which
 * nobody else writes, so that adding costs no more than a store; anyone may add a column up. A worker that dies takes
 * its counts with it when its row is cleared.
 */

/** A count in every row is four bytes. */
export function createLedger(rows: number, slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(rows * slots * Int32Array.BYTES_PER_ELEMENT)
}

/** Forgets what the worker of this row had counted: it is no more. */
export function clearLedgerRow(buffer: SharedArrayBuffer, rows: number, row: number): void {
  const cells = new Int32Array(buffer)
  const slots = cells.length / rows
  cells.fill(0, row * slots, (row + 1) * slots)
}

export class Ledger {
  readonly #cells: Int32Array
  readonly #slots: number
  readonly #own: number

  constructor(buffer: SharedArrayBuffer, { rows, row }: { readonly rows: number; readonly row: number }) {
    this.#cells = new Int32Array(buffer)
    this.#slots = this.#cells.length / rows
    this.#own = row * this.#slots
  }

  add(slot: number, delta: number): void {
    const cell = this.#own + slot
    // Nobody else writes this row, so reading and storing need not be one step.
    Atomics.store(this.#cells, cell, this.#cells[cell]! + delta)
  }

  /** In all workers. */
  sum(slot: number): number {
    let total = 0
    for (let cell = slot; cell < this.#cells.length; cell += this.#slots) total += Atomics.load(this.#cells, cell)
    return total
  }
}
