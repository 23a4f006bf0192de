/**
 * Scenario file → Scenario. Strict: an unknown key, a wrong shape or an impossible value is a problem with its line,
 * and all of them are told at once. docs/scenarios.md is the user's side of this file.
 */
import { isSeq } from 'yaml'
import { decodeFlags, flags } from '#cli/flags.ts'
import { doorFlags } from '#cli/settings.ts'
import { didYouMean } from '#lib/nearest.ts'
import { decodeStep } from './decode-step.ts'
import { readStubPorts } from './decode-stub.ts'
import { isNothing, Reader, type ReadProblem, type Tree } from './reader.ts'
import type { Scenario, StubsSpec } from './scenario.ts'

export type Decoded = {
  /** To be run only when there is no problem. */
  readonly scenario: Scenario
  readonly problems: readonly ReadProblem[]
}

/** What the runner decides itself. */
const ownFlags = [
  'http-port',
  'https-port',
  'bind',
  'admin',
  'access-log',
  'lane',
  'log-level',
  'log-format',
  'expose-cause',
] as const

/** Flags a scenario may set. */
const scenarioFlags = doorFlags.filter((key) => !ownFlags.some((own) => own === flags[key].name))

export function decodeScenario(file: string, text: string): Decoded {
  const reader = new Reader(file, text)
  const keys = reader.mapping(reader.root, 'a scenario', ['name', 'flags', 'manifests', 'files', 'stubs', 'steps'])
  const get = (key: string): Tree => keys.get(key)?.value ?? null
  for (const key of ['name', 'steps']) if (!keys.has(key)) reader.problem(null, `a scenario needs ${key}`)
  if (!keys.has('manifests') && !keys.has('files')) reader.problem(null, 'a scenario needs manifests or files')
  const scenario: Scenario = {
    file,
    name: (keys.has('name') ? reader.text(get('name'), 'name') : undefined) ?? '',
    flags: keys.has('flags') ? readFlags(reader, get('flags')) : new Map(),
    manifests: isNothing(get('manifests')) ? '' : (reader.text(get('manifests'), 'manifests') ?? ''),
    // The text of a block scalar begins on the line below its `|`.
    manifestsLine: reader.line(get('manifests')) + 1,
    files: keys.has('files') ? readFiles(reader, get('files')) : [],
    stubs: keys.has('stubs') ? readStubs(reader, get('stubs')) : { none: false, byPort: new Map() },
    steps: keys.has('steps')
      ? reader.items(get('steps'), 'steps').flatMap((item) => decodeStep(reader, item) ?? [])
      : [],
  }
  return { scenario, problems: reader.problems.toSorted((a, b) => a.line - b.line || a.column - b.column) }
}

function readFlags(reader: Reader, node: Tree): Map<string, string> {
  const texts = new Map<string, string>()
  const names = scenarioFlags.map((key) => flags[key].name)
  for (const { key, keyNode, value } of reader.entries(node, 'flags')) {
    const own = ownFlags.some((each) => each === key)
    if (own) reader.problem(keyNode, `a scenario cannot set ${key}: the runner does`)
    else if (!names.includes(key)) reader.problem(keyNode, `there is no flag ${key}${didYouMean(key, names)}`)
    else {
      const parts = isSeq(value) ? reader.items(value, key) : [value]
      const text = parts.map((part) => reader.text(part, key) ?? '').join(',')
      const keyOf = scenarioFlags.filter((each) => flags[each].name === key)
      const { problems } = decodeFlags({ keys: keyOf, given: new Map([[key, text]]), env: {} })
      for (const problem of problems) reader.problem(value, problem.replace(/^--/, ''))
      texts.set(key, text)
    }
  }
  return texts
}

function readFiles(reader: Reader, node: Tree): string[] {
  return reader.items(node, 'files').flatMap((item) => reader.text(item, 'a file') ?? [])
}

function readStubs(reader: Reader, node: Tree): StubsSpec {
  let none = false
  const entries = reader.entries(node, 'stubs').filter(({ key, value }) => {
    if (key === 'none') none = reader.boolean(value, 'none') ?? false
    return key !== 'none'
  })
  return { none, byPort: readStubPorts(reader, entries) }
}
