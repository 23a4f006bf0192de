/** `genkan check`: every problem of a folder and the verdict on every annotation, before anything is served. */
import { judgeAnnotations } from '#compile/verdict.ts'
import { printProblem, type Problem, type Severity } from '#resource/problem.ts'
import { objectName } from '#resource/resource.ts'
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
    const offline = await readOffline(operands, flags)
    const verdicts = verdictsOf(offline)
    const print = { text: printText, json: printJson, markdown: printReport }[flags.report]
    io.out(print(offline, verdicts))
    const failing: readonly Severity[] = flags.strict ? ['error', 'warning'] : ['error']
    return offline.problems.some(({ severity }) => failing.includes(severity)) ? 1 : 0
  },
})

type Verdict = {
  readonly object: string
  readonly annotation: string
  readonly verdict: string
  readonly file: string
  readonly line: number
}

function verdictsOf({ resources }: Offline): Verdict[] {
  return [...resources].flatMap((resource) =>
    judgeAnnotations(resource).map(({ annotation, verdict }) => {
      const { file, line } = resource.origin.locate(['metadata', 'annotations', annotation], 'key')
      return { object: objectName(resource), annotation, verdict, file, line }
    }),
  )
}

function printText(offline: Offline, verdicts: readonly Verdict[]): string {
  const { problems } = offline
  const lines = problems.map((problem) => `${printProblem(problem)}\n`).join('')
  return `${lines}${problems.length > 0 ? '\n' : ''}${summaryOf(offline)}\n${verdicts.length === 0 ? '' : `${countVerdicts(verdicts)}\n`}`
}

function printJson(offline: Offline, verdicts: readonly Verdict[]): string {
  const { problems, compiled, documents } = offline
  const summary = { ...countsOf(problems), documents: documents.length, routes: compiled.snapshot.routes.length }
  return `${JSON.stringify({ summary, problems, objects: compiled.statuses, annotations: verdicts }, undefined, 2)}\n`
}

function printReport(offline: Offline, verdicts: readonly Verdict[]): string {
  const { problems } = offline
  const found = problems.map(({ severity, file, line, column, object, path, message, instead }) => [
    severity,
    `${file}:${line}:${column}`,
    object ?? '',
    path,
    instead === '' ? message : `${message}; ${instead}`,
  ])
  const judged = verdicts.map(({ verdict, annotation, object, file, line }) => [
    verdict,
    `\`${annotation}\``,
    object,
    `${file}:${line}`,
  ])
  const parts = [
    `# Check\n\n${summaryOf(offline)}\n`,
    found.length === 0
      ? ''
      : `## Problems\n\n${printMarkdown([['severity', 'place', 'object', 'field', 'what'], ...found])}`,
    judged.length === 0
      ? ''
      : `## Annotations\n\n${countVerdicts(verdicts)}\n\n${printMarkdown([['verdict', 'annotation', 'object', 'place'], ...judged])}`,
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

function countVerdicts(verdicts: readonly Verdict[]): string {
  const counts = [...Map.groupBy(verdicts, ({ verdict }) => verdict)].map(
    ([verdict, group]) => `${group.length} ${verdict}`,
  )
  return `${countOf(verdicts.length, 'annotation')}: ${counts.join(', ')}`
}
