import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { coresFor } from '../../bench/proxy/cores.ts'
import { Pace, planOf } from '../../bench/proxy/pace.ts'
import { peers } from '../../bench/proxy/peers.ts'
import { resume } from '../../bench/proxy/resume.ts'
import type { Run, ScenarioResult } from '../../bench/proxy/result.ts'

const [nginx, haproxy] = peers
const entrants = [
  { peer: nginx!, version: '1' },
  { peer: haproxy!, version: '2' },
]

function scenario(name: string, change: Partial<ScenarioResult> = {}): ScenarioResult {
  const results = entrants.map(({ peer, version }) => ({ peer: peer.name, version, samples: [] }))
  return { name, title: name, driver: 'wrk', clients: 1, cores: coresFor(1, 2), peers: results, ...change }
}

function runWith(scenarios: readonly ScenarioResult[], change: Partial<Run> = {}): Run {
  const machine = { cpu: 'c', cores: 2, memoryGiB: 1, system: 's', node: 'v26', pinned: true, loadBefore: 0 }
  const said = { date: 'today', revision: 'abc', machine, rounds: 5, seconds: 5, origin: 'nginx', missing: [] }
  return { ...said, scenarios, ...change }
}

describe('a run that was broken off', () => {
  let dir: string
  beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'genkan-resume-'))))
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  function continued(earlier: Run | string, fresh: Run) {
    const file = join(dir, 'run.json')
    writeFileSync(file, typeof earlier === 'string' ? earlier : JSON.stringify(earlier))
    return resume(file, fresh, entrants)
  }

  test('goes on with its whole scenarios, and measures again what is not whole', () => {
    const earlier = runWith([scenario('small'), scenario('rules', { brokenOff: true })], { date: 'yesterday' })
    const found = continued(earlier, runWith([]))
    expect(found).toEqual({ run: { ...earlier, scenarios: [scenario('small')] } })
  })

  test('does not go on differently: all that differs is said at once', () => {
    const peersThen = [{ peer: 'nginx', version: '1', samples: [] }]
    const earlier = runWith([scenario('small', { peers: peersThen })], { revision: 'def', rounds: 3 })
    expect(continued(earlier, runWith([]))).toEqual({
      problems: [
        expect.stringContaining('revision was def and is abc'),
        expect.stringContaining('rounds was 3 and is 5'),
        expect.stringContaining('the proxies were nginx 1 and are nginx 1, HAProxy 2'),
      ],
    })
  })

  test('has to be a run', () => {
    expect(continued('half a fi', runWith([]))).toEqual({ problems: [expect.stringContaining('cannot be read')] })
  })
})

describe('the rest of a run', () => {
  test('is planned with twice the rounds where there are reloads', () => {
    const [without, withReloads] = [0, 2].map((reloadsPerSecond) => planOf({ reloadsPerSecond }, 5))
    expect(withReloads!.round).toBe(2 * without!.round)
  })

  test('is estimated by what was planned, and then by how that went', () => {
    let now = 0
    const pace = new Pace(() => now)
    expect(pace.left(60)).toBe('about 60 s left')
    pace.passed(100)
    now = 200_000
    expect(pace.left(60)).toBe('about 2 min left')
  })
})
