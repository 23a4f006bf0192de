/** Things a test opens are closed when it ends, the newest first. */
import { onTestFinished } from 'vitest'

export interface Closable {
  close(): void | Promise<void>
}

/** Must be called within a running test. */
export function after(close: () => void | Promise<void>): void {
  onTestFinished(async () => {
    await close()
  })
}
