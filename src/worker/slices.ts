/** Long work on a thread that has requests to serve: done in slices, with everything that waits in between. */

/** Milliseconds of work at a stretch: a request that comes meanwhile does not notice. */
const sliceMs = 3

/** Runs the generator to its end. Rejects with what it throws. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  let begun = performance.now()
  for (let step = work.next(); ; step = work.next()) {
    if (step.done === true) return step.value
    if (performance.now() - begun < sliceMs) continue
    await new Promise<void>((go) => setImmediate(go))
    begun = performance.now()
  }
}
