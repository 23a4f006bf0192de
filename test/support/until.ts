/**
 * Waits for something that real input and output will bring about, without guessing how long that takes.
 */
import { setImmediate as turn } from 'node:timers/promises'

/** Resolves once `holds` does, looking after every turn of the event loop; rejects after `ms` milliseconds. */
export async function until(holds: () => boolean, ms = 5_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`still not so after ${ms} ms: ${holds.toString()}`)
    await turn()
  }
}

/** Lets everything that is already on its way over loopback arrive: many turns of the event loop. */
export async function settle(turns = 40): Promise<void> {
  for (let i = 0; i < turns; i++) await turn()
}
