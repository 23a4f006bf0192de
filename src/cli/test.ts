/** `genkan test`: scenario files against the real front door, offline. */
import { findScenarios, readManifests, readScenario } from '#scenario/scenario-files.ts'
import type { ReadProblem } from '#scenario/reader.ts'
import { type Lane, lanes, runScenario, type StepResult } from '#scenario/runner.ts'
import { defineCommand } from './command.ts'
import { requireFolders } from './folders.ts'
import { type ExitCode, UserError } from './user-error.ts'

export const testCommand = defineCommand({
  name: 'test',
  operands: '<scenario...>',
  operandHelp: 'scenario files, or folders with *.scenario.yaml files below them',
  summary: 'run routing tests for manifests, offline',
  notes: `Examples:
  genkan test manifests/tests               every *.scenario.yaml below the folder
  genkan test shop.scenario.yaml --output json

Each scenario starts the real front door on free ports of this machine, with stand-ins for the endpoints.
docs/scenarios.md describes the files.

Exit codes: 0 all hold, 1 an expectation fails, 2 a file is no scenario or a flag is wrong.`,
  flags: ['scenarioLane', 'output'],
  run: async ({ operands, flags, io }): Promise<ExitCode> => {
    requireFolders(operands)
    const chosen = chooseLanes(flags.scenarioLane)
    const files = await findScenarios(operands)
    if (files.length === 0) throw new UserError(`no *.scenario.yaml below ${operands.join(', ')}`, 2)
    const runs = files.flatMap((file) => chosen.map((lane) => ({ file, lane })))
    const outcomes: Outcome[] = []
    await inOrder(runs, runFile, (outcome) => {
      outcomes.push(outcome)
      if (flags.output === 'text') io.out(printOutcome(outcome))
    })
    if (flags.output === 'text') io.out(printSummary(outcomes))
    else io.out(printJson(outcomes))
    if (outcomes.some(({ kind }) => kind === 'unreadable')) return 2
    return outcomes.every((outcome) => outcome.kind === 'run' && outcome.results.every(({ ok }) => ok)) ? 0 : 1
  },
})

type Run = { readonly file: string; readonly lane: Lane }
type Outcome =
  | (Run & { readonly kind: 'unreadable'; readonly problems: readonly ReadProblem[] })
  | (Run & { readonly kind: 'run'; readonly name: string; readonly results: readonly StepResult[] })

/** Front doors at the same time. Each has a thread of its own, so more would only compete with their own stand-ins. */
const parallel = 2

/** Does all of the work, a few at a time, and tells the results in the order of the items. */
async function inOrder<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  tell: (result: Result) => void,
): Promise<void> {
  const done = new Map<number, Result>()
  let next = 0
  let told = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      done.set(index, await work(items[index]!))
      for (let result = done.get(told); result !== undefined; result = done.get(told)) {
        done.delete(told++)
        tell(result)
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
}

async function runFile({ file, lane }: Run): Promise<Outcome> {
  const { scenario, problems } = await readScenario(file)
  if (problems.length > 0) return { kind: 'unreadable', file, lane, problems }
  const manifests = await readManifests(scenario)
  if (manifests.problems.length > 0) {
    return {
      kind: 'unreadable',
      file,
      lane,
      problems: manifests.problems.map((message) => ({ file, line: 1, column: 1, message })),
    }
  }
  return {
    kind: 'run',
    file,
    lane,
    name: scenario.name,
    results: await runScenario(scenario, { lane, files: manifests.files }),
  }
}

function chooseLanes(lane: 'general' | 'fast' | 'both'): readonly Lane[] {
  return lane === 'both' ? lanes : [lane]
}

function printOutcome(outcome: Outcome): string {
  if (outcome.kind === 'unreadable') {
    const lines = outcome.problems.map(({ file, line, column, message }) => `    ${file}:${line}:${column}: ${message}`)
    return [`✗ ${outcome.file}: this is no scenario`, ...lines, ''].join('\n')
  }
  const { file, name, lane, results } = outcome
  const failed = results.filter(({ ok }) => !ok)
  const lines = failed.flatMap((result) => [
    `  ${file}:${result.line}: ${result.title}`,
    ...result.differences.flatMap(({ line, expected, found }) => [
      `    ${file}:${line}`,
      `      expected ${indent(expected)}`,
      `      found    ${indent(found)}`,
    ]),
  ])
  return [`${failed.length === 0 ? '✓' : '✗'} ${file}: ${name} [${lane}]`, ...lines, ''].join('\n')
}

function indent(text: string): string {
  return text.replaceAll('\n', `\n${' '.repeat(15)}`)
}

function printSummary(outcomes: readonly Outcome[]): string {
  const runs = outcomes.filter((outcome) => outcome.kind === 'run')
  const failed = runs.filter(({ results }) => results.some(({ ok }) => !ok)).length
  const unreadable = outcomes.length - runs.length
  const steps = runs.reduce((sum, { results }) => sum + results.length, 0)
  const parts = [
    `${runs.length - failed} held`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unreadable > 0 ? [`${unreadable} could not be read`] : []),
  ]
  return `\n${outcomes.length} ${outcomes.length === 1 ? 'scenario' : 'scenarios'}, ${steps} steps (lanes: ${[...new Set(outcomes.map(({ lane }) => lane))].join(', ')}): ${parts.join(', ')}\n`
}

/** One array, an element per step and line; a file that could not be read is one element. */
function printJson(outcomes: readonly Outcome[]): string {
  const elements = outcomes.flatMap((outcome): object[] => {
    if (outcome.kind === 'run') return [...outcome.results]
    const { file, lane, problems } = outcome
    return [{ file, lane, line: problems[0]?.line ?? 1, title: 'read the scenario', ok: false, problems }]
  })
  return `[\n${elements.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`
}
