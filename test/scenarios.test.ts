import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findScenarios, readManifests, readScenario } from '../src/scenario/scenario-files.ts'
import { lanes, runScenario, type StepResult } from '../src/scenario/runner.ts'

const root = join(import.meta.dirname, '..')
const files = await findScenarios([join(root, 'test/scenarios'), join(root, 'examples')])

/** As `genkan test` prints it, so that a failing test reads the same. */
function print({ file, line, title, differences }: StepResult): string[] {
  return differences.map(
    (each) =>
      `${relative(root, file)}:${each.line}: ${title} (line ${line}): expected ${each.expected}, found ${each.found}`,
  )
}

describe('the scenarios', () => {
  test('are there', () => expect(files.length).toBeGreaterThan(0))

  for (const file of files) {
    for (const lane of lanes) {
      test.concurrent(
        `${relative(root, file)} holds (${lane})`,
        async () => {
          const { scenario, problems } = await readScenario(file)
          expect(problems).toEqual([])
          const manifests = await readManifests(scenario)
          expect(manifests.problems).toEqual([])
          const results = await runScenario(scenario, { lane, files: manifests.files })
          expect(results.flatMap(print)).toEqual([])
          expect(results).toHaveLength(scenario.steps.length)
        },
        60_000,
      )
    }
  }
})
