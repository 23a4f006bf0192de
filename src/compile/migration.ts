/**
 * One verdict for every annotation, for people who bring manifests from elsewhere: what they may rely on, what they
 * will notice, what is left out and what to write instead.
 */
import type { Problem } from '#resource/problem.ts'
import type { Resource } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import type { Snippets } from './annotation.ts'
import type { AnnotationVerdict } from './verdict.ts'
import { judgeAnnotations } from './verdict.ts'

/**
 * `differs`: honoured, with a difference. `no-effect`: nothing here listens to it, and nothing is lost. `refused`: it
 * asks for something that will not happen, or its value cannot be read. `unknown`: nobody knows the name.
 */
export type MigrationVerdict = 'honoured' | 'differs' | 'no-effect' | 'refused' | 'unknown'

export const verdictWords: Readonly<Record<MigrationVerdict, string>> = {
  honoured: 'honoured',
  differs: 'honoured with a difference',
  'no-effect': 'no effect here',
  refused: 'refused',
  unknown: 'unknown',
}

export type JudgedAnnotation = {
  readonly object: string
  /** The whole key. */
  readonly annotation: string
  readonly verdict: MigrationVerdict
  /** Which difference, why not, what instead; for `honoured` what it does. */
  readonly says: string
  readonly file: string
  readonly line: number
}

/** In the order of the objects and as written in them. `problems` and `snippets` are those of compile. */
export function judgeMigration(
  resources: Iterable<Resource>,
  problems: readonly Problem[],
  snippets: Snippets,
): readonly JudgedAnnotation[] {
  const found = new Map(
    problems
      .filter(({ code }) => code === 'invalid-annotation-value')
      .map((each) => [`${each.object} ${each.path}`, each]),
  )
  return [...resources].flatMap((resource) => {
    const object = objectName(resource)
    return judgeAnnotations(resource, snippets).map((each): JudgedAnnotation => {
      const { file, line } = resource.origin.locate(['metadata', 'annotations', each.annotation], 'key')
      const bad = found.get(`${object} metadata.annotations[${JSON.stringify(each.annotation)}]`)
      return {
        object,
        annotation: each.annotation,
        ...(bad === undefined ? outcomeOf(each) : { verdict: 'refused', says: sentence(bad) }),
        file,
        line,
      }
    })
  })
}

/** How many of each, in the order of the words; those that do not occur are left out. */
export function countVerdicts(judged: readonly JudgedAnnotation[]): readonly (readonly [MigrationVerdict, number])[] {
  // Object.keys gives exactly the keys of the record, so the cast cannot lie.
  const verdicts = Object.keys(verdictWords) as MigrationVerdict[]
  return verdicts
    .map((verdict) => [verdict, judged.filter((each) => each.verdict === verdict).length] as const)
    .filter(([, count]) => count > 0)
}

type Outcome = Pick<JudgedAnnotation, 'verdict' | 'says'>

function outcomeOf({ verdict, problem, row }: AnnotationVerdict): Outcome {
  if (problem === undefined && verdict === 'honoured' && row?.verdict === 'refused')
    return { verdict: 'differs', says: 'It is interpreted, never run; what merely decorates may be left out.' }
  if (problem === undefined)
    return {
      verdict: row?.verdict === 'honoured' && row.difference !== undefined ? 'differs' : 'honoured',
      says: saidOf(row),
    }
  if (verdict === 'unknown') return { verdict, says: sentence(problem) }
  if (verdict === 'foreign' || verdict === 'no-effect') return { verdict: 'no-effect', says: sentence(problem) }
  return { verdict: 'refused', says: sentence(problem) }
}

/** A row that is not honoured has no problem exactly where the value asks for nothing. */
function saidOf(row: AnnotationVerdict['row']): string {
  if (row === undefined) return ''
  return row.verdict === 'honoured' ? (row.difference ?? row.note) : 'It asks for nothing beyond what happens anyway.'
}

function sentence({ message, instead }: Problem): string {
  return instead === '' ? message : `${message}; ${instead}`
}
