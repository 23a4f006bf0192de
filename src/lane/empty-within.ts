/** Waiting for connections to end by themselves, as both lanes do while they drain. */

/** Draining is rare and nobody waits for its last milliseconds. */
const pollMs = 20

/** Resolves as soon as `left` gives 0, or after `timeoutMs` whatever it gives. */
export function emptyWithin(left: () => number, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearInterval(poll)
      clearTimeout(deadline)
      resolve()
    }
    const poll = setInterval(() => {
      if (left() === 0) done()
    }, pollMs)
    const deadline = setTimeout(done, timeoutMs)
  })
}
