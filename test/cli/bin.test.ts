import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { bin, genkan, heard, listen, stop } from '../support/cli.ts'

/** Makes the Node that starts bin/genkan.js, and none that this one starts, believe that it is an old one. */
const pretendOld = [
  '--import',
  `data:text/javascript,${encodeURIComponent("Object.defineProperty(process.versions, 'node', { value: '18.20.0' })")}`,
]

/** What is made for a test and gone after it is nothing to keep. */
const uncached = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }

/** An installation of which nothing is there but the starter, and what the test puts beside it. */
function installation(): string {
  const root = mkdtempSync(join(tmpdir(), 'genkan-'))
  cpSync(dirname(bin), join(root, 'bin'), { recursive: true })
  writeFileSync(join(root, 'package.json'), '{"type": "module"}')
  return root
}

function pin(root: string, version: string): void {
  mkdirSync(join(root, 'node_modules/node/bin'), { recursive: true })
  writeFileSync(join(root, 'node_modules/node/package.json'), JSON.stringify({ version }))
  // A name of its own: the very same executable is never started again.
  symlinkSync(process.execPath, join(root, 'node_modules/node/bin/node'))
}

async function run(root: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [...pretendOld, join(root, 'bin/genkan.js'), ...args], {
    env: uncached,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { out, err, code }
}

function writeMain(root: string, source: string): void {
  mkdirSync(join(root, 'src/cli'), { recursive: true })
  writeFileSync(join(root, 'src/cli/main.ts'), source)
}

test('all that a command prints arrives, however late its reader comes', async () => {
  const root = installation()
  writeMain(
    root,
    "export async function main(): Promise<number> { process.stdout.write('x'.repeat(1_000_000)); return 3 }",
  )
  const child = spawn(process.execPath, [join(root, 'bin/genkan.js')], {
    env: uncached,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const left = once(child, 'exit')
  await once(child.stdout, 'readable')
  // Far more than a pipe holds: the command can only be gone by now if it has left the rest behind.
  const whole = await text(child.stdout)
  expect(whole).toHaveLength(1_000_000)
  expect(await left).toEqual([3, null])
})

describe('bin/genkan.js on a Node that is too old', () => {
  test('says what is needed and where to get it, and exits with 1', async () => {
    const { code, err } = await run(installation())
    expect(code).toBe(1)
    expect(err).toMatch(
      /^genkan: this is Node 18\.20\.0, and Genkan needs Node 24 or newer\. Install .*nodejs\.org.*`npm ci`/,
    )
  })

  test('does not go on with a pinned Node that is too old as well', async () => {
    const root = installation()
    pin(root, '22.0.0')
    expect(await run(root)).toMatchObject({ code: 1, out: '' })
  })

  test('goes on with the pinned Node, which keeps arguments, output and exit code', async () => {
    const root = installation()
    pin(root, '26.1.0')
    writeMain(
      root,
      'export async function main(argv: readonly string[]): Promise<number> { console.log(process.versions.node, argv.join()); return 7 }',
    )
    const { code, out, err } = await run(root, 'check', 'a b')
    expect(err).toBe(
      'genkan: this is Node 18.20.0, and Genkan needs Node 24 or newer; going on with the pinned Node 26.1.0\n',
    )
    expect(out).toBe(`${process.versions.node} check,a b\n`)
    expect(code).toBe(7)
  })

  test('passes signals on', async () => {
    const root = installation()
    pin(root, '26.1.0')
    writeMain(
      root,
      `
      export function main(): Promise<number> {
        const forever = setInterval(() => {}, 1000)
        return new Promise((resolve) => {
          process.on('SIGHUP', () => console.log('reloads'))
          process.on('SIGTERM', () => { clearInterval(forever); resolve(5) })
          console.log('is up')
        })
      }`,
    )
    const child = spawn(process.execPath, [...pretendOld, join(root, 'bin/genkan.js')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.push(child)
    const said = listen(child)
    await heard(child, said, /is up/)
    child.kill('SIGHUP')
    await heard(child, said, /reloads/)
    expect(await stop(child)).toBe(5)
  })
})

describe('bin/genkan.js', () => {
  test('says what to do when packages are missing', async () => {
    const root = installation()
    writeMain(root, "import 'nobody-has-this'")
    const child = spawn(process.execPath, [join(root, 'bin/genkan.js')], {
      env: uncached,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [err, exit] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(exit).toEqual([1, null])
    expect(err).toMatch(/^genkan: a package is missing \(.*nobody-has-this.*\); run `npm ci` in /)
  })

  test('prefers what is published over the sources', async () => {
    const root = installation()
    writeMain(root, 'export async function main() { return 1 }')
    mkdirSync(join(root, 'dist/cli'), { recursive: true })
    writeFileSync(join(root, 'dist/cli/main.js'), 'export async function main() { return 3 }')
    const child = spawn(process.execPath, [join(root, 'bin/genkan.js')], { env: uncached })
    expect(await once(child, 'exit')).toEqual([3, null])
  })

  test('starts the real thing when the Node is new enough', async () => {
    expect(await genkan(['version'])).toMatchObject({ code: 0, err: '' })
  })
})

/** Where compiled sources are kept, in the main thread and in another; `none` for nowhere. */
const printsCaches = `
  import { getCompileCacheDir } from 'node:module'
  import { Worker } from 'node:worker_threads'
  const here: string = getCompileCacheDir() ?? 'none'
  const asks = "require('worker_threads').parentPort.postMessage(require('module').getCompileCacheDir() ?? 'none')"
  export const main = () =>
    new Promise((resolve) =>
      new Worker(asks, { eval: true }).once('message', (there) => {
        console.log(here + ' ' + there)
        resolve(0)
      }),
    )`

describe.skipIf(process.geteuid === undefined)('the compile cache', () => {
  const caches = async (env: Readonly<Record<string, string>>): Promise<readonly string[]> => {
    const root = installation()
    writeMain(root, printsCaches)
    const child = spawn(process.execPath, [join(root, 'bin/genkan.js')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    return (await text(child.stdout)).trim().split(' ')
  }

  test('is in a folder that nobody else may look into, for all threads', async () => {
    const home = mkdtempSync(join(tmpdir(), 'genkan-'))
    const folder = join(home, '.cache/genkan/compiled')
    expect(await caches({ HOME: home })).toEqual([folder, folder].map((each) => expect.stringContaining(each)))
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    // It is filled when the process ends.
    expect(readdirSync(folder, { recursive: true }).length).toBeGreaterThan(1)
  })

  test('follows XDG_CACHE_HOME', async () => {
    const home = mkdtempSync(join(tmpdir(), 'genkan-'))
    const [here] = await caches({ HOME: '/nowhere', XDG_CACHE_HOME: home })
    expect(here).toContain(join(home, 'genkan/compiled'))
  })

  test('is found by a name without links, which others might change', async () => {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'genkan-')))
    const link = `${home}-link`
    symlinkSync(home, link)
    const folder = join(home, 'genkan/compiled')
    expect(await caches({ HOME: '/nowhere', XDG_CACHE_HOME: link })).toEqual(
      [0, 1].map(() => expect.toSatisfy((name: string) => name.startsWith(folder)) as unknown),
    )
  })

  test('is not read where others could have written', async () => {
    const home = mkdtempSync(join(tmpdir(), 'genkan-'))
    const folder = join(home, '.cache/genkan/compiled')
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o755)
    expect(await caches({ HOME: home })).toEqual(['none', 'none'])
    chmodSync(folder, 0o700)
    expect(await caches({ HOME: home })).not.toContain('none')
    chmodSync(join(home, '.cache'), 0o777)
    expect(await caches({ HOME: home })).toEqual(['none', 'none'])
  })

  test('is not needed, and not used by those who say so', async () => {
    expect(await caches({ HOME: '/dev/null' })).toEqual(['none', 'none'])
    const home = mkdtempSync(join(tmpdir(), 'genkan-'))
    expect(await caches({ HOME: home, NODE_DISABLE_COMPILE_CACHE: '1' })).toEqual(['none', 'none'])
  })

  test('leaves the choice of another folder to NODE_COMPILE_CACHE', async () => {
    const home = mkdtempSync(join(tmpdir(), 'genkan-'))
    const [here] = await caches({ HOME: home, NODE_COMPILE_CACHE: join(home, 'mine') })
    expect(here).toContain(join(home, 'mine'))
  })
})

const started: ChildProcess[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => stop(child, 'SIGKILL')))
})
