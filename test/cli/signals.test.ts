import { describe, expect, test } from 'vitest'
import { untilStopped } from '../../src/cli/signals.ts'

/** Handlers of our own process are called without a signal being sent. */
function signal(name: 'SIGTERM' | 'SIGINT' | 'SIGHUP'): void {
  for (const handler of process.listeners(name).filter((each) => !before.get(name)!.includes(each))) handler(name)
}

const before = new Map(
  (['SIGTERM', 'SIGINT', 'SIGHUP'] as const).map((name) => [name as string, process.listeners(name)]),
)

function watch(reload: (() => void) | undefined) {
  const said: string[] = []
  const drained = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const actions = {
    drain: () => drained.promise,
    close: () => (said.push('closes'), closed.promise),
    reload,
    say: (sentence: string) => said.push(sentence.split(':')[0]!),
  }
  return { code: untilStopped(actions), said, drained, closed }
}

describe('signals', () => {
  test('an echo of the first is no second one', async () => {
    const { code, said, drained } = watch(() => {})
    signal('SIGINT')
    signal('SIGINT')
    signal('SIGTERM')
    expect(said).toEqual(['SIGINT'])
    drained.resolve()
    expect(await code).toBe(0)
  })

  test('SIGHUP reads again, or stops where it means that the terminal is gone', async () => {
    let reloads = 0
    const serving = watch(() => (reloads += 1))
    signal('SIGHUP')
    expect([reloads, serving.said]).toEqual([1, []])
    signal('SIGTERM')
    serving.drained.resolve()
    await serving.code
    const developing = watch(undefined)
    signal('SIGHUP')
    expect(developing.said).toEqual(['SIGHUP'])
    developing.drained.resolve()
    expect(await developing.code).toBe(0)
  })

  test('leave no handler behind', async () => {
    const { code, drained } = watch(() => {})
    signal('SIGTERM')
    drained.resolve()
    await code
    for (const [name, handlers] of before) expect(process.listeners(name as NodeJS.Signals)).toEqual(handlers)
  })
})
