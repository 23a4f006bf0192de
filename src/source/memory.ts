/**
 * Resources that no file holds: for tests, scenarios and the embedded cluster. Every change is emitted at once.
 */
import type { Documents, Held } from '#resource/documents.ts'
import { joinReadings } from '#resource/documents.ts'
import type { Reading } from '#resource/read.ts'
import { readText } from '#resource/read.ts'
import type { Resource } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import { holdLastGood } from './hold.ts'
import type { Batch, Source } from './source.ts'

export class MemorySource implements Source {
  readonly name: string
  readonly #file: string
  #held: readonly Held[] = []
  readonly #listeners = new Set<(batch: Batch) => void>()

  /** `file` is what problems call the place of texts given without a name of their own. */
  constructor({ name = 'memory', file = '(memory)' }: { readonly name?: string; readonly file?: string } = {}) {
    this.name = name
    this.#file = file
  }

  /** Adds objects; those of the same name are replaced. */
  set(...resources: readonly Resource[]): void {
    this.#put(resources.map(held))
  }

  /**
   * Adds the objects of a YAML text; those of the same name are replaced. A broken one leaves its last good version in
   * use. Returns what the text itself had to say.
   */
  apply(text: string, file: string = this.#file): Documents {
    const readings = readText(text, file)
    this.#put(holdNamed(this.#held, readings))
    return joinReadings(readings.map((reading) => ({ ...reading, lastGood: undefined })))
  }

  /** By the name that problems use, `Ingress default/web`. False when there is none. */
  delete(object: string): boolean {
    const rest = this.#held.filter((each) => each.object !== object)
    if (rest.length === this.#held.length) return false
    this.#held = rest
    this.#emit()
    return true
  }

  /** These and nothing else. */
  replace(resources: Iterable<Resource>): void {
    this.#held = [...resources].map(held)
    this.#emit()
  }

  current(): Batch {
    return joinReadings(this.#held)
  }

  run(emit: (batch: Batch) => void, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (signal.aborted) return Promise.resolve()
    this.#listeners.add(emit)
    signal.addEventListener(
      'abort',
      () => {
        this.#listeners.delete(emit)
        resolve()
      },
      { once: true },
    )
    emit(this.current())
    return promise
  }

  /** There is nothing to read again. */
  reload(): void {}

  /** A document without a name replaces nothing; it stays until `replace`, so that its problem is not lost. */
  #put(fresh: readonly Held[]): void {
    const names = new Map(fresh.filter((each) => each.object !== undefined).map((each) => [each.object, each]))
    const kept = this.#held.filter((each) => each.object === undefined || !names.has(each.object))
    this.#held = [...kept, ...fresh]
    this.#emit()
  }

  #emit(): void {
    const batch = this.current()
    for (const listener of this.#listeners) listener(batch)
  }
}

function held(resource: Resource): Held {
  const { file, line } = resource.origin.locate([])
  return {
    file,
    line,
    object: objectName(resource),
    state: 'good',
    wellFormed: true,
    resource,
    lastGood: undefined,
    problems: [],
  }
}

/** Nothing is missing from a text that is only added, so names alone say which last good version is meant. */
function holdNamed(before: readonly Held[], now: readonly Reading[]): readonly Held[] {
  return now.flatMap((reading) => {
    const previous = before.filter((each) => each.object !== undefined && each.object === reading.object)
    return holdLastGood(previous, [reading])
  })
}
