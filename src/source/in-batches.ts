/** Files looked at or read at the same time: enough to keep the thread pool busy, far below any descriptor limit. */
const batchSize = 32

/** Does something with every item, a few at a time; leaves the rest as soon as `isEnough` says so in between. */
export async function inBatches<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  isEnough: () => boolean = () => false,
): Promise<void> {
  for (let start = 0; start < items.length && !isEnough(); start += batchSize) {
    await Promise.all(items.slice(start, start + batchSize).map(work))
  }
}
