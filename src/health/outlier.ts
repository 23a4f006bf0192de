/**
 * Endpoints that fail request after request are left out for a while: which, how long, and never too many of them.
 * Decisions only; whoever calls knows the time. One instance for each upstream.
 */
import type { OutlierSpec } from '#snapshot/snapshot.ts'

export type OutlierReport = {
  /** Failures in a row since the last success, or since it came back. */
  readonly consecutiveFailures: number
  /** How often it was ejected. */
  readonly ejections: number
  /** Milliseconds since the epoch; `undefined` while it is not ejected. */
  readonly ejectedUntil: number | undefined
}

type Suspect = {
  failures: number
  ejections: number
  /** Ejections that count for the length of the next one; one less for each base time served well since the last. */
  weight: number
  ejectedUntil: number | undefined
  /** When the last ejection ended. */
  returnedAt: number
}

export class Outliers {
  /** Only endpoints that have failed are here. */
  readonly #suspects = new Map<string, Suspect>()

  /** In the order they happened: a success, when there was one, and then so many failures in a row. */
  note(endpoint: string, outcome: { readonly recovered: boolean; readonly failures: number }): void {
    const known = this.#suspects.get(endpoint)
    if (known === undefined && outcome.failures === 0) return
    const suspect = known ?? { failures: 0, ejections: 0, weight: 0, ejectedUntil: undefined, returnedAt: 0 }
    this.#suspects.set(endpoint, suspect)
    suspect.failures = (outcome.recovered ? 0 : suspect.failures) + outcome.failures
  }

  /**
   * Ejects those that have failed often enough, and brings back those whose time is over. `eligible` are the endpoints
   * that could serve if nobody were ejected: at least one of them stays, and no more than the spec's share is ejected;
   * when there are fewer of them than before, those with the least time left come back early.
   */
  judge(spec: OutlierSpec | 'off', eligible: readonly string[], now: number): OutlierChanges {
    if (spec === 'off') return this.#pardon()
    const returned = this.#returnDue(now)
    const known = eligible.flatMap((id) => {
      const suspect = this.#suspects.get(id)
      return suspect === undefined ? [] : [[id, suspect] as const]
    })
    const most = Math.max(
      0,
      Math.min(Math.floor((eligible.length * spec.maxEjectedPercent) / 100), eligible.length - 1),
    )
    const outside = known
      .filter(([, each]) => each.ejectedUntil !== undefined)
      .toSorted(([, a], [, b]) => a.ejectedUntil! - b.ejectedUntil!)
    for (const [id, suspect] of outside.splice(0, Math.max(0, outside.length - most)))
      returned.push(bringBack(id, suspect, now))
    const ejected: string[] = []
    for (const [id, suspect] of known) {
      if (outside.length + ejected.length >= most) break
      if (suspect.ejectedUntil !== undefined || suspect.failures < spec.consecutiveFailures) continue
      eject(suspect, spec, now)
      ejected.push(id)
    }
    return { ejected, returned }
  }

  report(endpoint: string): OutlierReport {
    const suspect = this.#suspects.get(endpoint)
    return {
      consecutiveFailures: suspect?.failures ?? 0,
      ejections: suspect?.ejections ?? 0,
      ejectedUntil: suspect?.ejectedUntil,
    }
  }

  /** When the next ejection ends, in milliseconds since the epoch; `undefined` when nobody is ejected. */
  nextReturn(): number | undefined {
    const times = [...this.#suspects.values()].flatMap((each) => each.ejectedUntil ?? [])
    return times.length === 0 ? undefined : Math.min(...times)
  }

  forget(endpoint: string): void {
    this.#suspects.delete(endpoint)
  }

  /** Forgets all others. */
  keep(endpoints: ReadonlySet<string>): void {
    for (const id of this.#suspects.keys()) if (!endpoints.has(id)) this.#suspects.delete(id)
  }

  #pardon(): OutlierChanges {
    const returned = [...this.#suspects].filter(([, each]) => each.ejectedUntil !== undefined).map(([id]) => id)
    this.#suspects.clear()
    return { ejected: [], returned }
  }

  #returnDue(now: number): string[] {
    const due = [...this.#suspects].filter(([, each]) => each.ejectedUntil !== undefined && each.ejectedUntil <= now)
    return due.map(([id, suspect]) => bringBack(id, suspect, now))
  }
}

/** Ids of endpoints. */
export type OutlierChanges = { readonly ejected: readonly string[]; readonly returned: readonly string[] }

/** The n-th ejection in a bad time lasts n times the base. */
function eject(suspect: Suspect, { baseEjectionMs, maxEjectionMs }: OutlierSpec, now: number): void {
  const base = Math.max(1, baseEjectionMs)
  const served = Math.floor((now - suspect.returnedAt) / base)
  const longest = Math.ceil(maxEjectionMs / base)
  suspect.weight = Math.min(Math.max(0, suspect.weight - served) + 1, longest)
  suspect.ejections++
  suspect.ejectedUntil = now + Math.min(base * suspect.weight, maxEjectionMs)
}

/**
 * It starts with a clean slate, except that a next ejection soon lasts longer: what was under way when it was ejected
 * says nothing about the time after.
 */
function bringBack(id: string, suspect: Suspect, now: number): string {
  suspect.ejectedUntil = undefined
  suspect.failures = 0
  suspect.returnedAt = now
  return id
}
