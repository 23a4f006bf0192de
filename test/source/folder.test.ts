import { appendFile, chmod, mkdir, open, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { printProblem } from '../../src/resource/problem.ts'
import type { StartWatcher, WatchHandlers } from '../../src/source/watch.ts'
import type { Batch } from '../../src/source/source.ts'
import { FolderBench, served } from '../support/folder-bench.ts'

let bench: FolderBench
beforeEach(async () => {
  bench = await FolderBench.create()
})
afterEach(() => bench.close())

const service = (name: string, port = 80): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: ${port}}]}\n`
const all = (...documents: readonly string[]): string => documents.join('---\n')
const threeServices = (port: number): string => all(service('a', port), service('b', port), service('c', port))
const deaf: StartWatcher = () => ({ watch: () => {}, close: () => {} })
const portOf = (batch: Batch, name: string): number | undefined =>
  batch.resources.flatMap((each) => (each.kind === 'Service' && each.metadata.name === name ? each.spec.ports : []))[0]
    ?.port
const states = (batch: Batch): readonly string[] => batch.documents.map(({ object, state }) => `${object} ${state}`)
const codes = (batch: Batch): readonly string[] => batch.problems.map((problem) => problem.code)

describe('reading', () => {
  test('finds yaml, yml and json at any depth and names files below the path given', async () => {
    await bench.write('a.yaml', service('a'))
    await bench.write('x/y/z/b.yml', service('b'))
    await bench.write(
      'c.json',
      JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'c' }, spec: { ports: [{ port: 1 }] } }),
    )
    await bench.write('README.md', '# no resource')
    bench.start()
    const batch = await bench.untilServed('Service default/a', 'Service default/b', 'Service default/c')
    expect(batch.documents.map(({ file }) => file)).toEqual([
      bench.path('a.yaml'),
      bench.path('c.json'),
      bench.path('x/y/z/b.yml'),
    ])
  })

  test('leaves the files alone that editors and other programs leave lying about', async () => {
    for (const name of [
      '.a.yaml',
      'a.yaml~',
      '.a.yaml.swp',
      'a.yaml.tmp',
      '#a.yaml#',
      '4913',
      '.git/b.yaml',
      'shop.scenario.yaml',
      'node_modules/c/d.yaml',
    ]) {
      await bench.write(name, service('wrong'))
    }
    await bench.write('good.yaml', service('good'))
    bench.start()
    const batch = await bench.until(() => true)
    expect(served(batch)).toEqual(['Service default/good'])
    expect(batch.problems).toEqual([])
  })

  test('gives an empty set for an empty folder', async () => {
    bench.start()
    expect((await bench.until(() => true)).resources).toEqual([])
  })

  test('reads a single file, and follows it through a save by rename', async () => {
    await bench.write('one.yaml', service('one'))
    await bench.write('other.yaml', service('other'))
    bench.start({ paths: [bench.path('one.yaml')] })
    await bench.untilServed('Service default/one')
    await bench.write('.one.tmp', service('two'))
    await rename(bench.path('.one.tmp'), bench.path('one.yaml'))
    await bench.untilServed('Service default/two')
  })

  test('reads a file once that two links lead to, and ends where links lead in a circle', async () => {
    await bench.write('real/a.yaml', service('a'))
    await symlink(bench.path('real'), bench.path('again'))
    await symlink(bench.root, bench.path('real/loop'))
    await symlink(bench.path('real/a.yaml'), bench.path('b.yaml'))
    bench.start()
    const batch = await bench.until(() => true)
    expect(served(batch)).toEqual(['Service default/a'])
    expect(batch.problems).toEqual([])
  })

  test('of an object in two files the first by name wins, and the other is reported with both places', async () => {
    await bench.write('b.yaml', service('web', 2))
    await bench.write('a.yaml', `# first\n${service('web', 1)}`)
    bench.start()
    const batch = await bench.until(() => true)
    expect(portOf(batch, 'web')).toBe(1)
    expect(batch.problems.map(printProblem)).toEqual([
      `${bench.path('b.yaml')}:1:1: warning: Service default/web: the object is defined already in ${bench.path('a.yaml')}:2; this one is ignored`,
    ])
  })
})

/** A source that is told of changes by hand, at a time set by hand; two Services are there, with port 1. */
async function told(): Promise<{ readonly hint: (file: string) => void; readonly clock: { ms: number } }> {
  // So late that nobody doubts the times of files.
  const clock = { ms: Date.now() + 3_600_000 }
  let handlers: WatchHandlers | undefined
  await bench.write('a.yaml', service('a', 1))
  await bench.write('b.yaml', service('b', 1))
  bench.start({
    now: () => clock.ms,
    startWatcher: (_, given) => {
      handlers = given
      return deaf([], given)
    },
  })
  await bench.untilServed('Service default/a', 'Service default/b')
  await bench.write('a.yaml', service('a', 2))
  await bench.write('b.yaml', service('b', 2))
  return { hint: (file) => handlers!.onHint(bench.path(file)), clock }
}
const pollMs = 60_000
const ports = (batch: Batch): string => `${portOf(batch, 'a')} ${portOf(batch, 'b')}`

describe('looking everywhere from time to time', () => {
  test('comes after the files that are named, and soon', async () => {
    const { hint, clock } = await told()
    clock.ms += 1.5 * pollMs
    hint('b.yaml')
    await bench.until((batch) => ports(batch) === '2 2')
    expect(bench.batches.map(ports)).toEqual(['1 1', '1 2', '2 2'])
  })

  test('is not put off for ever', async () => {
    const { hint, clock } = await told()
    clock.ms += 2 * pollMs
    hint('b.yaml')
    await bench.until((batch) => ports(batch) === '2 2')
    expect(bench.batches.map(ports)).toEqual(['1 1', '2 2'])
  })
})

describe('watching', () => {
  test('sees a file appear, change and go', async () => {
    bench.start()
    await bench.until(() => true)
    await bench.write('a.yaml', service('a', 1))
    await bench.untilServed('Service default/a')
    await bench.write('a.yaml', service('a', 2))
    await bench.until((batch) => portOf(batch, 'a') === 2)
    await unlink(bench.path('a.yaml'))
    await bench.untilServed()
  })

  test('sees a save by rename over the file', async () => {
    await bench.write('a.yaml', service('a', 1))
    bench.start()
    await bench.untilServed('Service default/a')
    for (const port of [2, 3, 4]) {
      await bench.write('a.yaml.tmp', service('a', port))
      await rename(bench.path('a.yaml.tmp'), bench.path('a.yaml'))
      await bench.until((batch) => portOf(batch, 'a') === port)
    }
  })

  test('sees folders appear, move and go with everything in them', async () => {
    bench.start()
    await bench.until(() => true)
    await bench.write('x/y/a.yaml', service('a'))
    await bench.untilServed('Service default/a')
    await rename(bench.path('x'), bench.path('z'))
    await bench.until((batch) => batch.documents[0]?.file === bench.path('z/y/a.yaml'))
    await bench.write('z/y/b.yaml', service('b'))
    await bench.untilServed('Service default/a', 'Service default/b')
    await rm(bench.path('z'), { recursive: true })
    await bench.untilServed()
  })

  test('a missing folder is a problem until it appears', async () => {
    bench.start({ paths: [bench.path('later/deeper')] })
    expect(codes(await bench.until(() => true))).toEqual(['missing-folder'])
    await bench.write('later/deeper/a.yaml', service('a'))
    const batch = await bench.untilServed('Service default/a')
    expect(batch.problems).toEqual([])
    await rm(bench.path('later'), { recursive: true })
    await bench.untilServed()
    await bench.write('later/deeper/b.yaml', service('b'))
    await bench.untilServed('Service default/b')
  })

  test('follows the swaps of a mounted ConfigMap', async () => {
    const swap = async (version: number): Promise<void> => {
      await mkdir(bench.path(`..2026_${version}`))
      await writeFile(bench.path(`..2026_${version}`, 'cfg.yaml'), service('a', version))
      await symlink(`..2026_${version}`, bench.path('..data_tmp'))
      await rename(bench.path('..data_tmp'), bench.path('..data'))
      // The kubelet removes the former version later; nothing but the swap itself may be needed to see it.
      if (version > 5) await rm(bench.path(`..2026_${version - 5}`), { recursive: true })
    }
    await swap(1)
    await symlink('..data/cfg.yaml', bench.path('cfg.yaml'))
    bench.start()
    for (let version = 1; version <= 10; version++) {
      if (version > 1) await swap(version)
      const batch = await bench.until((each) => portOf(each, 'a') === version)
      expect(batch.documents).toHaveLength(1)
    }
  })

  test('sees a change behind a link that leads out of the folder', async () => {
    await bench.write('outside/a.yaml', service('a', 1))
    await mkdir(bench.path('inside'))
    await symlink(bench.path('outside'), bench.path('inside/link'))
    bench.start({ paths: [bench.path('inside')] })
    await bench.untilServed('Service default/a')
    await bench.write('outside/a.yaml', service('a', 2))
    await bench.until((batch) => portOf(batch, 'a') === 2)
  })

  test('sees by looking what no event tells', async () => {
    bench.start({ startWatcher: deaf, timings: { pollMs: 20 } })
    await bench.until(() => true)
    await bench.write('a.yaml', service('a'))
    await bench.untilServed('Service default/a')
  })

  test('sees what changed before the watcher stood', async () => {
    const handlers: WatchHandlers[] = []
    bench.start({
      startWatcher: (_paths, each) => {
        handlers.push(each)
        return deaf([], each)
      },
    })
    await bench.until(() => true)
    await bench.write('a.yaml', service('a'))
    handlers[0]!.onReady()
    await bench.untilServed('Service default/a')
  })

  test('does not emit for contents that stayed the same', async () => {
    await bench.write('a.yaml', service('a'))
    bench.start()
    await bench.untilServed('Service default/a')
    await bench.write('a.yaml', service('a'))
    await bench.write('b.yaml.tmp', service('b'))
    bench.reload()
    await bench.write('b.yaml', service('b'))
    await bench.untilServed('Service default/a', 'Service default/b')
    expect(bench.batches).toHaveLength(2)
  })

  test('keeps the very objects of files that did not change', async () => {
    await bench.write('a.yaml', service('a'))
    await bench.write('b.yaml', service('b'))
    bench.start()
    const before = await bench.untilServed('Service default/a', 'Service default/b')
    await bench.write('b.yaml', service('c'))
    const after = await bench.untilServed('Service default/a', 'Service default/c')
    expect(after.resources[0]).toBe(before.resources[0])
  })

  test('takes many changes in one batch', async () => {
    bench.start({ timings: { quietMs: 150, maxWaitMs: 5_000 } })
    await bench.until(() => true)
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`)
    for (const name of names) await bench.write(`${name}.yaml`, service(name))
    await bench.untilServed(...names.map((name) => `Service default/${name}`))
    expect(bench.batches.length).toBeLessThanOrEqual(3)
  })

  test('does not wait for quiet for ever', async () => {
    bench.start({ timings: { quietMs: 1_000, maxWaitMs: 50 } })
    await bench.until(() => true)
    let port = 0
    const writer = setInterval(() => void bench.write('a.yaml.tmp', String(port++)), 5)
    await bench.write('a.yaml', service('a'))
    await bench.untilServed('Service default/a').finally(() => clearInterval(writer))
  })

  test('emits nothing more after the end', async () => {
    bench.start()
    await bench.until(() => true)
    await bench.close()
    await bench.write('a.yaml', service('a'))
    bench.reload()
    expect(bench.batches).toHaveLength(1)
  })
})

describe('breaking', () => {
  test('a broken document keeps its last good version while its siblings change', async () => {
    await bench.write('a.yaml', all(service('a', 1), service('b', 1), service('c', 1)))
    bench.start()
    await bench.until((batch) => batch.resources.length === 3)
    await bench.write('a.yaml', all(service('a', 2), service('b', 70_000), service('c', 2)))
    const batch = await bench.until((each) => portOf(each, 'a') === 2)
    expect([portOf(batch, 'b'), portOf(batch, 'c')]).toEqual([1, 2])
    expect(states(batch)).toEqual(['Service default/a live', 'Service default/b stale', 'Service default/c live'])
    expect(batch.problems.map(printProblem)).toEqual([
      `${bench.path('a.yaml')}:9:23: error: Service default/b: spec.ports[0].port: expected an integer from 1 to 65535, found the number 70000; its last good version stays in use`,
    ])
  })

  test('a document that was never good is rejected, and its siblings live', async () => {
    await bench.write('a.yaml', all(service('a'), service('B'), service('c')))
    bench.start()
    const batch = await bench.until(() => true)
    expect(states(batch)).toEqual(['Service default/a live', 'Service default/B rejected', 'Service default/c live'])
  })

  test('a broken document recovers', async () => {
    await bench.write('a.yaml', service('a', 1))
    bench.start()
    await bench.untilServed('Service default/a')
    await bench.write('a.yaml', 'kind: [')
    await bench.until((batch) => states(batch)[0] === 'Service default/a stale')
    await bench.write('a.yaml', service('a', 3))
    const batch = await bench.until((each) => portOf(each, 'a') === 3)
    expect(batch.problems).toEqual([])
  })

  test('emptying a file takes its objects away', async () => {
    await bench.write('a.yaml', service('a'))
    bench.start()
    await bench.untilServed('Service default/a')
    await truncate(bench.path('a.yaml'))
    await bench.untilServed()
  })

  test('taking a document out of a file takes its object away', async () => {
    await bench.write('a.yaml', all(service('a'), service('b')))
    bench.start()
    await bench.untilServed('Service default/a', 'Service default/b')
    await bench.write('a.yaml', service('b'))
    await bench.untilServed('Service default/b')
  })

  test('a file cut off in the middle loses none of its objects', async () => {
    const text = all(service('a'), service('b'), service('c'))
    await bench.write('a.yaml', text)
    bench.start()
    await bench.until((batch) => batch.resources.length === 3)
    await bench.write('a.yaml', text.slice(0, text.indexOf('ports', text.indexOf('name: b')) + 9))
    const batch = await bench.until((each) => states(each).includes('Service default/b stale'))
    expect(states(batch)).toEqual(['Service default/a live', 'Service default/b stale', 'Service default/c stale'])
  })

  test('a file that turns binary keeps all its objects', async () => {
    await bench.write('a.yaml', all(service('a'), service('b')))
    bench.start()
    await bench.until((batch) => batch.resources.length === 2)
    await bench.write('a.yaml', new Uint8Array([0, 1, 2, 3]))
    const batch = await bench.until((each) => codes(each).includes('binary-file'))
    expect(states(batch)).toEqual(['Service default/a stale', 'Service default/b stale'])
  })

  test('a link that leads nowhere keeps what it led to', async () => {
    await bench.write('.hidden/a.yaml', service('a', 1))
    await symlink('.hidden/a.yaml', bench.path('a.yaml'))
    bench.start()
    await bench.untilServed('Service default/a')
    await unlink(bench.path('.hidden/a.yaml'))
    const batch = await bench.until((each) => codes(each).includes('unreadable'))
    expect(states(batch)).toEqual(['Service default/a stale'])
    await bench.write('.hidden/a.yaml', service('a', 2))
    bench.reload()
    await bench.until((each) => portOf(each, 'a') === 2)
  })

  // Permissions do not bind the superuser.
  test.skipIf(process.getuid?.() === 0)('a file and a folder without permission keep what was read there', async () => {
    await bench.write('a.yaml', service('a'))
    await bench.write('x/b.yaml', service('b'))
    bench.start()
    await bench.until((batch) => batch.resources.length === 2)
    await chmod(bench.path('a.yaml'), 0)
    await chmod(bench.path('x'), 0)
    bench.reload()
    const batch = await bench.until((each) => each.problems.length === 2)
    expect(states(batch)).toEqual(['Service default/a stale', 'Service default/b stale'])
    await chmod(bench.path('x'), 0o755)
  })

  test('a writer that truncates and writes piece by piece is never seen half done', async () => {
    await bench.write('a.yaml', threeServices(1))
    bench.start({ timings: { quietMs: 5, settleMs: 2_000 } })
    await bench.until((batch) => batch.resources.length === 3)
    for (let port = 2; port <= 6; port++) {
      const text = threeServices(port)
      const file = await open(bench.path('a.yaml'), 'w')
      for (let start = 0; start < text.length; start += 20) {
        await file.write(text.slice(start, start + 20))
        await new Promise((resolve) => setTimeout(resolve, 3))
      }
      await file.close()
      await bench.until((batch) => portOf(batch, 'c') === port)
    }
    for (const batch of bench.batches) {
      expect(batch.problems).toEqual([])
      expect(batch.resources).toHaveLength(3)
    }
  })

  test('a file that grows is taken up when it is whole', async () => {
    bench.start()
    await bench.until(() => true)
    await bench.write('a.yaml', 'apiVersion: v1\nkind: Serv')
    await appendFile(bench.path('a.yaml'), service('a').slice('apiVersion: v1\nkind: Serv'.length))
    await bench.untilServed('Service default/a')
  })
})

describe('a watcher that fails', () => {
  test('is reported, tried again, and changes are found all the same', async () => {
    const started: WatchHandlers[] = []
    const flaky: StartWatcher = (_paths, handlers) => {
      started.push(handlers)
      if (started.length === 1) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      if (started.length === 2) queueMicrotask(() => handlers.onError(new Error('lost')))
      if (started.length === 3) queueMicrotask(() => handlers.onReady())
      return { watch: () => {}, close: () => {} }
    }
    await bench.write('a.yaml', service('a'))
    bench.start({ startWatcher: flaky })
    const batch = await bench.until((each) => started.length >= 3 && each.problems.length === 0)
    expect(served(batch)).toEqual(['Service default/a'])
    expect(bench.batches[0]!.problems.map(({ message }) => message)).toEqual(['cannot watch for changes: ENOSPC'])
    await bench.write('a.yaml', service('b'))
    started.at(-1)!.onHint(undefined)
    await bench.untilServed('Service default/b')
    expect(started).toHaveLength(3)
  })
})
