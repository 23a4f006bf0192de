import type { ChildProcess } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { genkan, heard, listen, root, startGenkan, stop } from './support/cli.ts'
import { curl, words } from './support/curl.ts'
import { describeLanes } from './support/lanes.ts'

/** A command of a README with what it shall print; a line `…` stands for any lines, `…` within one for anything. */
type Shown = { readonly command: string; readonly output: string }
type Ports = { readonly http: number; readonly https: number }

const names = readdirSync(join(root, 'examples'))
const started: ChildProcess[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => stop(child)))
})

function readShown(text: string): Shown[] {
  const blocks = [...text.matchAll(/^```console\n(.*?)^```/gms)].map((match) => match[1]!)
  return blocks
    .flatMap((block) => block.split(/^\$ /m).slice(1))
    .map((part) => {
      const end = part.indexOf('\n')
      return { command: part.slice(0, end), output: part.slice(end + 1) }
    })
}

function toPattern(output: string): RegExp {
  const lines = output
    .split('\n')
    .map((line) =>
      line === '…' ? '\0' : line.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('…', '.*'),
    )
  return new RegExp(`^${lines.join('\n').replaceAll('\0\n', '(?:.*\n)*?')}$`)
}

async function run(command: string, ports: Ports, cwd: string): Promise<string> {
  const [name, ...args] = words(command.replace(/^npx /, ''))
  if (name === 'curl') return curl(command, { ports, cwd })
  if (name === 'genkan') return (await genkan(args, { cwd })).out
  if (name !== 'rm') throw new Error(`${name} is not understood here`)
  for (const path of args) rmSync(resolve(cwd, path))
  return ''
}

/** A change of a file takes a moment to be there, so a wrong answer gets another chance. */
async function expectShown({ command, output }: Shown, ports: Ports, cwd: string): Promise<void> {
  const pattern = toPattern(output)
  const isOnce = !command.startsWith('curl')
  const deadline = performance.now() + 5_000
  for (;;) {
    const printed = await run(command, ports, cwd)
    if (pattern.test(printed)) return
    if (isOnce || performance.now() > deadline) expect(printed, command).toBe(output)
    await new Promise((next) => setTimeout(next, 50))
  }
}

describe('the pages for users', () => {
  for (const page of ['README.md', 'docs/cli.md']) {
    test(`${page} shows what genkan says`, async () => {
      const commands = readShown(readFileSync(join(root, page), 'utf8'))
      expect(commands.length).toBeGreaterThan(0)
      for (const { command, output } of commands) {
        const { out, err } = await genkan(words(command.replace(/^npx /, '')).slice(1))
        expect(out + err, command).toMatch(toPattern(output))
      }
    })
  }
})

describeLanes('the examples', () => {
  for (const name of names) {
    test(`${name} answers as its README shows`, async () => {
      const cwd = mkdtempSync(join(tmpdir(), 'genkan-'))
      cpSync(join(root, 'examples', name), join(cwd, 'examples', name), { recursive: true })
      const readme = readFileSync(join(cwd, 'examples', name, 'README.md'), 'utf8')
      const shown = readShown(readme)
      expect(shown.length).toBeGreaterThan(0)
      const start = /^genkan (dev \S+(?: --\S+ \S+)*)$/m.exec(readme)?.[1]
      expect(start, 'the line that starts it').toBeDefined()

      const portsFile = join(cwd, 'ports.json')
      expect((await genkan(['check', ...start!.split(' ').slice(1), '--strict'], { cwd })).out).toMatch(
        /: (no problem|\d+ info)\n/,
      )
      const flags = ['--http-port', '0', '--https-port', '0', '--admin', '127.0.0.1:0', '--ports-file', portsFile]
      const child = startGenkan([...start!.split(' '), ...flags], { cwd })
      started.push(child)
      const said = listen(child)
      await heard(child, said, /Ctrl-C stops/)
      const ports = JSON.parse(readFileSync(portsFile, 'utf8')) as Ports
      for (const each of shown) await expectShown(each, ports, cwd)
      expect(said.err).toBe('')
    }, 60_000)
  }
})
