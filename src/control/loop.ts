/**
 * The control loop: what sources say → compile → discovery → health → one snapshot for every worker.
 *
 * One turn at a time, and always with the newest of everything: changes that arrive during a turn are taken together
 * by the next. Nothing here can stop traffic: workers go on with the last snapshot they were given. Where they have no
 * core to spare, a turn would still make their requests wait for as long as the kernel lets it go on at a stretch, which
 * is several milliseconds; so it does little at a time and sleeps in between, whatever its priority.
 */
import type { Compiled, CompileOptions } from '#compile/compile.ts'
import { compiling } from '#compile/compile.ts'
import { CompileMemo } from '#compile/memo.ts'
import type { ResourceStatus } from '#compile/statuses.ts'
import type { Discovery } from '#discovery/discovery.ts'
import type { HealthGate } from '#health/gate.ts'
import type { Problem } from '#resource/problem.ts'
import { Slices } from '#lib/slices.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { diffSnapshots, isSame } from '#snapshot/diff.ts'
import { adopt, emptySnapshot } from '#snapshot/patch.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { Batch, DocumentState, Source } from '#source/source.ts'
import type { Log } from '#telemetry/log.ts'
import type { WorkerPool } from '#worker/pool.ts'

export type ControlInit = {
  readonly sources: readonly Source[]
  readonly options: Omit<CompileOptions, 'now'>
  readonly discovery: Discovery
  readonly health: HealthGate
  readonly pool: WorkerPool
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly compile?: typeof compiling
  /** Between two slices of a turn; `restMs` without work unless given. */
  readonly rest?: () => Promise<void>
  /** After every turn, with what is now live. */
  readonly onTurn?: (turn: Turn) => void
}

/** What one turn of the loop made. */
export type Turn = {
  readonly resources: ResourceSet
  readonly compiled: Compiled
  readonly problems: readonly Problem[]
  readonly documents: readonly DocumentState[]
  readonly before: Snapshot
  readonly snapshot: Snapshot
  /** Milliseconds since the epoch. */
  readonly finishedAt: number
}

/** In milliseconds: a request waits no longer for a turn than for a few others. */
const sliceMs = 1
/** As long as a slice, so that a turn takes half a core at most, as it would of one that is shared fairly. */
const restMs = 1

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, restMs))

/** More than these are a count. */
const toldChanges = 10

export class ControlLoop {
  readonly #init: ControlInit
  readonly #batches: (Batch | undefined)[]
  readonly #abort = new AbortController()
  #turning: Promise<void> | undefined
  #dirty = false
  readonly #rest: () => Promise<void>
  readonly #slices: Slices
  readonly #memo = new CompileMemo()
  #latest: Turn | undefined
  #resources = new ResourceSet([])
  #snapshot = emptySnapshot

  constructor(init: ControlInit) {
    this.#init = init
    this.#batches = init.sources.map(() => undefined)
    // Before the first configuration there are no requests to make room for, and everybody waits for it.
    this.#rest = async () => (this.#snapshot.generation === 0 ? undefined : (init.rest ?? pause)())
    this.#slices = new Slices({ sliceMs, rest: this.#rest })
  }

  /** Resolves when every source has spoken once and what they said is live. */
  async start(): Promise<void> {
    await Promise.all(this.#init.sources.map((source, index) => this.#listenTo(source, index)))
    await this.settled()
  }

  /** Resolves when all that the sources have said so far is live in every worker. */
  async settled(): Promise<void> {
    while (this.#turning !== undefined) await this.#turning
    await this.#init.pool.settled()
  }

  latest(): Turn | undefined {
    return this.#latest
  }

  statuses(): readonly ResourceStatus[] {
    return this.#latest?.compiled.statuses ?? []
  }

  /** Compile again with what is there: time has passed, or something outside the sources has changed. */
  turn(): void {
    this.#dirty = true
    this.#turning ??= this.#turns().finally(() => {
      this.#turning = undefined
      // It came behind the last look at whether there is more to do.
      if (this.#dirty && !this.#abort.signal.aborted) this.turn()
    })
  }

  /** Nobody is told of a turn that is under way. */
  close(): void {
    this.#abort.abort()
  }

  #listenTo(source: Source, index: number): Promise<void> {
    return new Promise((heard) => {
      const emit = (batch: Batch): void => {
        this.#batches[index] = batch
        if (!this.#batches.includes(undefined)) this.turn()
        heard()
      }
      source.run(emit, this.#abort.signal).catch((error: unknown) => {
        this.#init.log.error('a source ended', { source: source.name, error: String(error) })
        heard()
      })
    })
  }

  async #turns(): Promise<void> {
    while (this.#dirty && !this.#abort.signal.aborted) {
      await this.#rest()
      this.#dirty = false
      try {
        await this.#once()
      } catch (error) {
        // Compile does not throw for user input, so this is a bug of ours: say so and keep serving what is live.
        this.#init.log.error('a change could not be applied; the last good configuration stays', {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        })
      }
    }
  }

  async #once(): Promise<void> {
    const { discovery, health, pool, options, now, compile = compiling } = this.#init
    const batches = this.#batches.filter((batch) => batch !== undefined)
    const resources = this.#resources.next(
      batches.length === 1 ? batches[0]!.resources : batches.flatMap((batch) => batch.resources),
    )
    this.#resources = resources
    await this.#rest()
    const compiled = await this.#slices.run(compile(resources, { ...options, now: now() }, this.#memo))
    await this.#rest()
    await discovery.follow(resources, compiled.snapshot.upstreams)
    await health.follow(compiled.snapshot.upstreams, discovery.current())
    await this.#rest()
    if (this.#abort.signal.aborted) return
    const before = this.#snapshot
    // The first snapshot is published even when it is empty: being ready means having read the folder.
    const snapshot = adopt(before, compiled.snapshot)
    if (before.generation === 0 || !isSame(before, snapshot)) {
      await this.#rest()
      this.#snapshot = { ...snapshot, generation: before.generation + 1 }
      await pool.apply(this.#snapshot, health.current())
      this.#tell(before, this.#snapshot)
    } else {
      pool.endpoints(health.current())
    }
    if (this.#abort.signal.aborted) return
    this.#latest = {
      resources,
      compiled,
      problems: [...batches.flatMap((batch) => batch.problems), ...compiled.problems],
      documents: batches.flatMap((batch) => batch.documents),
      before,
      snapshot: this.#snapshot,
      finishedAt: now(),
    }
    this.#init.onTurn?.(this.#latest)
  }

  /** Of the first one everything would be new. */
  #tell(before: Snapshot, now: Snapshot): void {
    const changes = before.generation === 0 ? [] : diffSnapshots(before, now, toldChanges)
    this.#init.log.info('a new configuration is applied', {
      generation: now.generation,
      routes: now.routes.length,
      ...(changes.length > 0 && { changes }),
    })
  }
}
