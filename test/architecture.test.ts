import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')

/** In reading order: a room imports only itself and what its row names. `*` is everything. */
const mayImport: Record<string, readonly string[]> = {
  lib: [],
  http: ['lib'],
  resource: ['lib'],
  snapshot: ['lib'],
  route: ['lib', 'http', 'snapshot'],
  policy: ['lib', 'http'],
  upstream: ['lib', 'http', 'snapshot'],
  compile: ['lib', 'http', 'resource', 'snapshot', 'policy', 'route'],
  proxy: ['lib', 'http', 'snapshot', 'route', 'policy', 'upstream', 'telemetry'],
  lane: ['lib', 'http', 'upstream', 'proxy', 'telemetry'],
  listener: ['lib', 'snapshot', 'lane', 'telemetry', 'proxy'],
  source: ['lib', 'resource', 'telemetry'],
  discovery: ['lib', 'resource', 'snapshot', 'telemetry'],
  health: ['lib', 'snapshot', 'upstream', 'telemetry'],
  cluster: ['lib', 'http', 'resource', 'source', 'telemetry'],
  worker: ['lib', 'http', 'snapshot', 'route', 'policy', 'upstream', 'proxy', 'lane', 'listener', 'telemetry'],
  telemetry: ['lib'],
  admin: ['lib', 'snapshot', 'telemetry'],
  control: ['lib', 'resource', 'snapshot', 'source', 'compile', 'discovery', 'health', 'worker', 'telemetry'],
  scenario: ['*'],
  cli: ['*'],
  'main.ts': ['*'],
}

/** The rooms that hold the thinking: no sockets, files, clocks or threads, so a test is a function call. */
const pure = ['lib', 'http', 'resource', 'snapshot', 'route', 'policy', 'upstream', 'compile', 'proxy']
const io = [
  'node:fs',
  'node:net',
  'node:http',
  'node:http2',
  'node:https',
  'node:tls',
  'node:dgram',
  'node:dns',
  'node:worker_threads',
  'node:child_process',
  'undici',
]

/** A name that promises nothing collects everything. */
const forbiddenNames = ['utils', 'util', 'common', 'helpers', 'helper', 'misc', 'types', 'index', 'shared', 'core']

const files = globSync('**/*.ts', { cwd: join(root, 'src') }).toSorted()

describe('architecture', () => {
  for (const file of files) {
    const room = file.split('/')[0]!
    const text = readFileSync(join(root, 'src', file), 'utf8')
    const targets = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!)

    test(`${file} imports only what its room may`, () => {
      const allowed = mayImport[room]
      expect(allowed, `${room} is not a room`).toBeDefined()
      for (const target of targets.filter((each) => each.startsWith('#'))) {
        const other = target.slice(1).split('/')[0]!
        const ok = other === room || allowed!.includes('*') || allowed!.includes(other)
        expect(ok, `${room} may not import ${other}`).toBe(true)
      }
      for (const target of targets.filter((each) => each.startsWith('.'))) {
        expect(target, 'another room is imported by its #name').toMatch(
          /^\.\/[^/]+\.ts$|^\.\/[\w-]+\/[^/]+\.ts$|^\.\.\/[^/]+\.ts$/,
        )
      }
      if (pure.includes(room))
        expect(
          targets.filter((each) => io.includes(each)),
          `${room} does no input or output`,
        ).toEqual([])
    })

    test(`${file} has a name that says what it holds`, () => {
      for (const part of file.replace(/\.ts$/, '').split('/')) expect(forbiddenNames).not.toContain(part)
    })
  }
})
