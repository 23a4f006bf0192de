/**
 * Finding and reading scenario files, and the manifests they name.
 */
import { glob, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { scan } from '#source/scan.ts'
import { type Decoded, decodeScenario } from './decode.ts'
import type { Scenario } from './scenario.ts'

const pattern = /\.scenario\.ya?ml$/

/** Every scenario file below the folders, sorted, and the files that are named themselves. Rejects for missing paths. */
export async function findScenarios(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = []
  for (const path of paths) {
    if (!(await stat(path)).isDirectory()) {
      found.push(path)
      continue
    }
    const below: string[] = []
    for await (const file of glob('**/*.scenario.{yaml,yml}', { cwd: path })) below.push(join(path, file))
    found.push(...below.toSorted())
  }
  return [...new Set(found)]
}

export async function readScenario(file: string): Promise<Decoded> {
  return decodeScenario(file, await readFile(file, 'utf8'))
}

export type Manifests = {
  /** Texts by path. */
  readonly files: ReadonlyMap<string, string>
  /** Sentences about entries of `files` that lead nowhere. */
  readonly problems: readonly string[]
}

export async function readManifests({ file, files }: Pick<Scenario, 'file' | 'files'>): Promise<Manifests> {
  const { files: found, problems } = await scan(files.map((each) => join(dirname(file), each)))
  const texts = new Map<string, string>()
  for (const each of found) if (!pattern.test(each.file)) texts.set(each.file, await readFile(each.file, 'utf8'))
  return { files: texts, problems: problems.map((problem) => `${problem.file}: ${problem.message}`) }
}
