/**
 * A source whose objects pass through the embedded cluster first: its DNS and its stand-ins are ready for them before
 * the front door hears of them.
 */
import type { EmbeddedCluster } from '#cluster/embedded-cluster.ts'
import { compile, type CompileOptions } from '#compile/compile.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import type { Batch, Source } from '#source/source.ts'

export class ClusterSource implements Source {
  readonly name: string
  readonly #inner: Source
  readonly #cluster: EmbeddedCluster
  readonly #options: () => CompileOptions

  constructor(inner: Source, cluster: EmbeddedCluster, options: () => CompileOptions) {
    this.name = inner.name
    this.#inner = inner
    this.#cluster = cluster
    this.#options = options
  }

  async run(emit: (batch: Batch) => void, signal: AbortSignal): Promise<void> {
    let turn = Promise.resolve()
    const failed = Promise.withResolvers<never>()
    const pass = async (batch: Batch): Promise<void> => {
      const resources = new ResourceSet(batch.resources)
      await this.#cluster.update(resources, compile(resources, this.#options()).snapshot.upstreams)
      if (!signal.aborted) emit(batch)
    }
    const queue = (batch: Batch): void => {
      turn = turn.then(() => pass(batch)).catch(failed.reject)
    }
    await Promise.race([this.#inner.run(queue, signal), failed.promise])
    await turn
  }

  reload(): void {
    this.#inner.reload()
  }
}
