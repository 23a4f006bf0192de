/**
 * What a file says now + what it said before → what to go by: a broken document keeps its last good version.
 */
import type { Held } from '#resource/documents.ts'
import type { Problem } from '#resource/problem.ts'
import type { Reading } from '#resource/read.ts'
import type { Resource } from '#resource/resource.ts'

/**
 * A broken document is recognised by its object's name, else by its position in the file. An object that is no longer
 * in the file is deleted only if the file is whole: behind a document that is no YAML, or one that breaks off at the
 * end of the file, it may still stand there or be about to be written.
 */
export function holdLastGood(before: readonly Held[], now: readonly Reading[]): readonly Held[] {
  const good = new Map<string, Resource>()
  for (const { object, resource, lastGood } of before) {
    const last = resource ?? lastGood
    if (object !== undefined && last !== undefined && !good.has(object)) good.set(object, last)
  }
  const missing = new Set(good.keys())
  for (const { object } of now) if (object !== undefined) missing.delete(object)
  const held = now.map((reading, index): Held => {
    if (reading.state !== 'broken') return { ...reading, lastGood: undefined }
    const object = reading.object ?? atSamePosition(before, missing, { index, count: now.length })
    if (object === undefined) return { ...reading, lastGood: undefined }
    missing.delete(object)
    return { ...reading, object, lastGood: good.get(object) }
  })
  if (isWhole(now)) return held
  return [...held, ...[...missing].map((object) => kept(object, good.get(object)!))]
}

/**
 * False when the file may have lost documents only because it is being written, or damaged: the end of a file that is
 * cut off is a broken object, or one that does not even say yet what it is.
 */
function isWhole(readings: readonly Reading[]): boolean {
  const last = readings.at(-1)
  const isCutOff = last !== undefined && last.state !== 'good' && last.problems.length > 0
  return readings.every((reading) => reading.wellFormed) && !isCutOff
}

/** Counted from the start of the file, else from its end. */
function atSamePosition(
  before: readonly Held[],
  missing: ReadonlySet<string>,
  { index, count }: { index: number; count: number },
): string | undefined {
  for (const candidate of [before[index], before.at(index - count)]) {
    if (candidate?.object !== undefined && missing.has(candidate.object)) return candidate.object
  }
  return undefined
}

function kept(object: string, resource: Resource): Held {
  const place = resource.origin.locate([])
  const problem: Problem = {
    ...place,
    severity: 'warning',
    code: 'kept-object',
    object,
    path: '',
    message: 'the object is not found in its file any more, but the file can not be read to its end',
    instead: 'its last good version stays in use',
  }
  return {
    file: place.file,
    line: place.line,
    object,
    state: 'broken',
    wellFormed: false,
    resource: undefined,
    lastGood: resource,
    problems: [problem],
  }
}
