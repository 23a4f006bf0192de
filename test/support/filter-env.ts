/** What policies need from the world, without a world: clocks stand still, nobody answers. */
import { ByteBudget } from '#lib/byte-budget.ts'
import { ExpiringMap } from '#lib/expiring-map.ts'
import { Gate } from '#lib/gate.ts'
import { createRateCells, RateCells } from '#lib/gcra.ts'
import { createInFlight, InFlight } from '#lib/in-flight.ts'
import { verifyPassword } from '#policy/password.ts'
import type { Answer, FilterEnv } from '#policy/policy.ts'

/** Counters of its own each time; passwords are checked at once. */
export function filterEnv(changes: Partial<FilterEnv> = {}): FilterEnv {
  const now = changes.now ?? (() => 1_000)
  return {
    now,
    random: () => 0,
    httpsPort: 443,
    rates: new RateCells(createRateCells(1_024, [1, 2], now()), now),
    gate: new Gate({
      inFlight: new InFlight(createInFlight(1, 256, [3, 4]), { rows: 1, row: 0 }),
      after: () => () => {},
      now,
    }),
    passwords: { check: verifyPassword },
    ask: () => Promise.resolve(undefined),
    copies: new ByteBudget(16 * 1024 * 1024),
    answers: new ExpiringMap<Answer>(16),
    note: () => {},
    ...changes,
  }
}
