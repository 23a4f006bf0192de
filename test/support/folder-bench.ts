import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { objectName } from '../../src/resource/resource.ts'
import type { FolderSourceInit } from '../../src/source/folder.ts'
import { FolderSource } from '../../src/source/folder.ts'
import type { Batch } from '../../src/source/source.ts'
import { silentLog } from '../../src/telemetry/log.ts'

/** A real temporary folder with a running source, and a way to wait for what it emits. */
export class FolderBench {
  readonly root: string
  readonly batches: Batch[] = []
  #source: FolderSource | undefined
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined
  #listener: (() => void) | undefined

  private constructor(root: string) {
    this.root = root
  }

  static async create(): Promise<FolderBench> {
    return new FolderBench(await mkdtemp(join(tmpdir(), 'genkan-folder-')))
  }

  path(...parts: readonly string[]): string {
    return join(this.root, ...parts)
  }

  async write(name: string, text: string | Uint8Array): Promise<void> {
    await mkdir(dirname(this.path(name)), { recursive: true })
    await writeFile(this.path(name), text)
  }

  /** Poll is far away unless asked for, so that a change is seen because of its event. */
  start(init: Partial<FolderSourceInit> = {}): void {
    const timings = {
      quietMs: 20,
      maxWaitMs: 200,
      settleMs: 60,
      pollMs: 60_000,
      backOffMs: 10,
      maxBackOffMs: 50,
      ...init.timings,
    }
    this.#source = new FolderSource({ paths: [this.root], log: silentLog, ...init, timings })
    this.#running = this.#source.run((batch) => {
      this.batches.push(batch)
      this.#listener?.()
    }, this.#stop.signal)
  }

  reload(): void {
    this.#source?.reload()
  }

  get last(): Batch | undefined {
    return this.batches.at(-1)
  }

  /** Resolves with the first batch, past or to come, that is like this and after which none came that is not. */
  async until(test: (batch: Batch) => boolean): Promise<Batch> {
    while (this.last === undefined || !test(this.last)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#listener = resolve
      await promise
    }
    return this.last
  }

  /** Waits until exactly these objects are served. */
  untilServed(...objects: readonly string[]): Promise<Batch> {
    const wanted = objects.toSorted().join()
    return this.until((batch) => served(batch).join() === wanted)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await rm(this.root, { recursive: true, force: true })
  }
}

export function served(batch: Batch): readonly string[] {
  return batch.resources.map(objectName).toSorted()
}
