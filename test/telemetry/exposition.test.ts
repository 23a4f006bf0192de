import { expect, test } from 'vitest'
import { Exposition } from '#telemetry/exposition.ts'
import type { OwnFamily, Sample } from '#telemetry/metric.ts'

const gauge = (name: string, values: Iterable<Sample>): OwnFamily => ({ name, help: 'Help.', type: 'gauge', values })
const print = async (...own: readonly OwnFamily[]): Promise<string> =>
  Buffer.from(await new Exposition().print([], own)).toString()

test('prints what the main thread knows as Prometheus reads it', async () => {
  const text = await print(
    gauge('one', [{ value: 1.5, labels: {} }]),
    gauge('two', [
      { value: Infinity, labels: { a: 'x\\y"z\n', b: 3 } },
      { value: 0, labels: { a: '玄関' } },
    ]),
    gauge('none', []),
  )
  expect(text).toContain('# HELP one Help.\n# TYPE one gauge\none 1.5\n\n')
  expect(text).toContain('# TYPE two gauge\ntwo{a="x\\\\y\\"z\\n",b="3"} +Inf\ntwo{a="玄関"} 0\n\n')
  expect(text).toContain('# TYPE none gauge\n\n')
  expect(text).toContain('\nprocess_cpu_seconds_total ')
})

test('makes samples as it goes, and lets others have a turn in between', async () => {
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  let turnsAtLast = 0
  function* samples(): Generator<Sample, void> {
    for (let backend = 0; backend < 10_000; backend++) yield { value: backend, labels: { backend } }
    turnsAtLast = turns
  }
  const text = await print(gauge('many', samples()))
  isOver = true
  expect(turnsAtLast).toBeGreaterThan(1)
  expect(text.match(/^many\{/gm)).toHaveLength(10_000)
})
