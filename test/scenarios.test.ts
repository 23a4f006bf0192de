import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { UnfitReason } from '#lane/fast/unfit.ts'
import type { Genkan } from '../src/main.ts'
import { findScenarios, readManifests, readScenario } from '../src/scenario/scenario-files.ts'
import { lanes, runScenario, type StepResult } from '../src/scenario/runner.ts'
import { reasonsLeft } from './support/front-door.ts'

const root = join(import.meta.dirname, '..')
const files = await findScenarios([join(root, 'test/scenarios'), join(root, 'examples')])

/** Scenarios of which the fast lane leaves something to the general one, and why; it serves all others by itself. */
const leaving: Readonly<Record<string, UnfitReason>> = {
  'test/scenarios/compression-own.scenario.yaml': 'encoding',
  'test/scenarios/default-backend-global.scenario.yaml': 'errors',
  'test/scenarios/errors-custom.scenario.yaml': 'errors',
  'test/scenarios/ingress-nginx/backend-protocol.scenario.yaml': 'protocol',
  'test/scenarios/ingress-nginx/compression.scenario.yaml': 'encoding',
  'test/scenarios/ingress-nginx/custom-errors.scenario.yaml': 'errors',
  'test/scenarios/ingress-nginx/proxy-ssl.scenario.yaml': 'protocol',
  'test/scenarios/stand-in-protocols.scenario.yaml': 'protocol',
  'test/scenarios/upstream-tls-verify.scenario.yaml': 'protocol',
}

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
          const left: string[] = []
          const onEnd = async (genkan: Genkan): Promise<void> => void left.push(...(await reasonsLeft(genkan)))
          const results = await runScenario(scenario, { lane, files: manifests.files, onEnd })
          expect(results.flatMap(print)).toEqual([])
          expect(results).toHaveLength(scenario.steps.length)
          const reason = lane === 'fast' ? leaving[relative(root, file)] : undefined
          expect([...new Set(left)]).toEqual(reason === undefined ? [] : [reason])
        },
        60_000,
      )
    }
  }
})
