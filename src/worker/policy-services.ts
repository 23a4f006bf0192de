/** What policies need from the world, for one worker: clocks, counters, helpers. It outlives every snapshot. */
import { ByteBudget } from '#lib/byte-budget.ts'
import { ExpiringMap } from '#lib/expiring-map.ts'
import { Gate } from '#lib/gate.ts'
import { RateCells } from '#lib/gcra.ts'
import { InFlight } from '#lib/in-flight.ts'
import { copiedBytes } from '#policy/body-copy.ts'
import type { Answer, FilterEnv } from '#policy/policy.ts'
import type { Log } from '#telemetry/log.ts'
import type { UpstreamRegistry } from '#upstream/registry.ts'
import { Asker } from './asker.ts'
import type { Counters } from './counters.ts'
import { sharedNow } from './counters.ts'
import { Passwords } from './passwords.ts'

export type PolicyServicesInit = {
  /** Known once the front door listens. */
  readonly httpsPort: () => number
  readonly counters: Counters
  /** Of this worker, in the counters. */
  readonly row: number
  readonly upstreams: UpstreamRegistry
  readonly log: Log
}

const mostAnswers = 8_192
const noteEveryMs = 10_000
const mostNotes = 1_024

export class PolicyServices {
  readonly env: FilterEnv
  readonly #passwords = new Passwords()
  readonly #asker: Asker

  constructor({ httpsPort, counters, row, upstreams, log }: PolicyServicesInit) {
    const asker = new Asker(upstreams, log)
    this.#asker = asker
    this.env = {
      now: Date.now,
      random: Math.random,
      get httpsPort() {
        return httpsPort()
      },
      rates: new RateCells(counters.rates, sharedNow, row),
      gate: new Gate({
        inFlight: new InFlight(counters.inFlight, { rows: counters.rows, row }),
        after,
        now: sharedNow,
      }),
      passwords: this.#passwords,
      ask: (question) => asker.ask(question),
      copies: new ByteBudget(copiedBytes),
      answers: new ExpiringMap<Answer>(mostAnswers),
      note: seldom(log),
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#passwords.close(), this.#asker.close()])
  }
}

function after(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms)
  return () => clearTimeout(timer)
}

/** The first of a kind at once, the next ones together after a while. */
function seldom(log: Log): FilterEnv['note'] {
  const said = new ExpiringMap<true>(mostNotes)
  const waiting = new Map<string, number>()
  return (message, id) => {
    const key = `${message} ${id}`
    const times = (waiting.get(key) ?? 0) + 1
    if (said.get(key, Date.now()) !== undefined) {
      if (waiting.size < mostNotes || waiting.has(key)) waiting.set(key, times)
      return
    }
    waiting.delete(key)
    said.set(key, true, Date.now() + noteEveryMs)
    log.info(message, { policy: id, times })
  }
}
