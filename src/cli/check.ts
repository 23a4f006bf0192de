/** `genkan check`: every problem of a folder and the verdict on every annotation, before anything is served. */
import type { JudgedAnnotation } from '#compile/migration.ts'
import { countVerdicts, judgeMigration, verdictWords } from '#compile/migration.ts'
import { objectName } from '#resource/resource.ts'
import { printProblem, type Problem, type Severity } from '#resource/problem.ts'
import { countOf, printMarkdown } from './columns.ts'
import { defineCommand } from './command.ts'
import { type Offline, readOffline } from './offline.ts'
import { compileFlags } from './settings.ts'

export const checkCommand = defineCommand({
  name: 'check',
  operands: '<folder...>',
  operandHelp: 'a folder of YAML files, or several',
  summary: 'name every problem of folders as file:line:column, and judge every annotation',
  notes: `Examples:
  genkan check manifests
  genkan check manifests --strict                       for a pipeline: warnings fail, too
  genkan check manifests --output markdown > report.md  what a migration has to look at

error: something asked for will not happen. warning: it happens differently. info: worth knowing.

Exit codes: 0 no error, 1 an error (with --strict also a warning), 2 a flag or folder is wrong.`,
  flags: [...compileFlags, 'report', 'strict'],
  run: async ({ operands, flags, io }) => {
    const offline = await readOffline(operands, flags, io.env)
    const verdicts = judgeMigration(
      [...offline.resources, ...offline.remains],
      offline.problems,
      offline.compiled.snippets,
    )
    const print = { text: printText, json: printJson, markdown: printReport }[flags.report]
    io.out(print(offline, verdicts))
    const failing: readonly Severity[] = flags.strict ? ['error', 'warning'] : ['error']
    return offline.problems.some(({ severity }) => failing.includes(severity)) ? 1 : 0
  },
})

function printText(offline: Offline, verdicts: readonly JudgedAnnotation[]): string {
  const { problems, remains } = offline
  const broken = new Set(remains.map(objectName))
  const lines = problems.map((problem) => `${printProblem(problem)}\n`)
  // What is refused, unknown or without effect is among the problems already, unless its Ingress is left out as a whole.
  const differences = verdicts.filter(
    ({ verdict, object }) => verdict === 'differs' || (broken.has(object) && verdict !== 'honoured'),
  )
  const notes = differences.map(
    ({ file, line, object, annotation, verdict, says }) =>
      `${file}:${line}: ${object}: ${annotation}: ${verdictWords[verdict]}: ${says}\n`,
  )
  const told = [...lines, ...notes].join('')
  return `${told}${told === '' ? '' : '\n'}${summaryOf(offline)}\n${verdicts.length === 0 ? '' : `${summaryOfVerdicts(verdicts)}\n`}`
}

function printJson(offline: Offline, verdicts: readonly JudgedAnnotation[]): string {
  const { problems, compiled, documents } = offline
  const summary = {
    ...countsOf(problems),
    documents: documents.length,
    routes: compiled.snapshot.routes.length,
    annotations: Object.fromEntries(countVerdicts(verdicts)),
  }
  return `${JSON.stringify({ summary, problems, objects: compiled.statuses, annotations: verdicts }, undefined, 2)}\n`
}

function printReport(offline: Offline, verdicts: readonly JudgedAnnotation[]): string {
  const { problems } = offline
  const found = problems.map(({ severity, file, line, column, object, path, message, instead }) => [
    severity,
    `${file}:${line}:${column}`,
    object ?? '',
    path,
    instead === '' ? message : `${message}; ${instead}`,
  ])
  const judged = verdicts.map(({ verdict, annotation, object, file, line, says }) => [
    verdictWords[verdict],
    `\`${annotation}\``,
    object,
    `${file}:${line}`,
    says,
  ])
  const parts = [
    `# Check\n\n${summaryOf(offline)}\n`,
    found.length === 0
      ? ''
      : `## Problems\n\n${printMarkdown([['severity', 'place', 'object', 'field', 'what'], ...found])}`,
    judged.length === 0
      ? ''
      : `## Annotations\n\n${summaryOfVerdicts(verdicts)}\n\n${printMarkdown([['verdict', 'annotation', 'object', 'place', 'what'], ...judged])}`,
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function summaryOf({ problems, compiled, documents }: Offline): string {
  const { errors, warnings, infos } = countsOf(problems)
  const counted = [
    [errors, 'error'],
    [warnings, 'warning'],
    [infos, 'info'],
  ] as const
  const found = counted
    .filter(([count]) => count > 0)
    .map(([count, noun]) => (noun === 'info' ? `${count} info` : countOf(count, noun)))
  return `${countOf(documents.length, 'document')}, ${countOf(compiled.snapshot.routes.length, 'route')}: ${found.length === 0 ? 'no problem' : found.join(', ')}`
}

function countsOf(problems: readonly Problem[]): { errors: number; warnings: number; infos: number } {
  const count = (severity: Severity): number => problems.filter((problem) => problem.severity === severity).length
  return { errors: count('error'), warnings: count('warning'), infos: count('info') }
}

function summaryOfVerdicts(verdicts: readonly JudgedAnnotation[]): string {
  const counts = countVerdicts(verdicts).map(([verdict, count]) => `${count} ${verdictWords[verdict]}`)
  return `${countOf(verdicts.length, 'annotation')}: ${counts.join(', ')}`
}
