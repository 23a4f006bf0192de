/** Files looked at or read at the same time: enough to keep the thread pool busy, far below any descriptor limit. */
const batchSize = 32

/** Does something with every item, a few at a time. */
export async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += batchSize) {
    await Promise.all(items.slice(start, start + batchSize).map(work))
  }
}
