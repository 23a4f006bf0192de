/** A world in which nothing has happened yet and nobody answers: for showing what policies would do to one request. */
import { ByteBudget } from '#lib/byte-budget.ts'
import { Gate } from '#lib/gate.ts'
import { createRateCells, RateCells } from '#lib/gcra.ts'
import { createInFlight, InFlight } from '#lib/in-flight.ts'
import type { FilterEnv } from './policy.ts'

export function offlineEnv(httpsPort: number): FilterEnv {
  const now = (): number => 0
  return {
    now,
    random: () => 0,
    httpsPort,
    rates: new RateCells(createRateCells(8, [0, 0], 0), now),
    gate: new Gate({
      inFlight: new InFlight(createInFlight(1, 8, [0, 0]), { rows: 1, row: 0 }),
      after: () => () => {},
      now,
    }),
    // Nobody's password is looked at.
    passwords: { check: () => Promise.resolve(false) },
    ask: () => Promise.resolve(undefined),
    copies: new ByteBudget(0),
    answers: { get: () => undefined, set: () => {} },
    note: () => {},
  }
}
