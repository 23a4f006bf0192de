import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import { printProblem } from '#resource/problem.ts'
import { readDocuments } from '#resource/documents.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { compileOptions } from '../support/compile-options.ts'
import { printCompiled } from '../support/compiled-text.ts'
import { withCertificates } from '../support/certificate-files.ts'

/** `UPDATE=1 npx vitest run test/compile` writes what is found as what is expected; read the difference. */
const update = process.env['UPDATE'] !== undefined

for (const folder of globSync(join(import.meta.dirname, 'golden', '*')).toSorted()) {
  test(`${basename(folder)} compiles to the snapshot and the problems on record`, () => {
    const { resources, problems } = readDocuments(
      withCertificates(readFileSync(join(folder, 'in.yaml'), 'utf8')),
      'in.yaml',
    )
    const configMap = basename(folder) === 'config-map' ? 'ingress-nginx/ingress-nginx-controller' : undefined
    const compiled = compile(new ResourceSet(resources), { ...compileOptions, configMap })
    hold(join(folder, 'snapshot.txt'), printCompiled(compiled))
    hold(
      join(folder, 'problems.txt'),
      [...problems, ...compiled.problems].map((problem) => `${printProblem(problem)}\n`).join(''),
    )
  })
}

function hold(file: string, found: string): void {
  if (update) writeFileSync(file, found)
  expect(found).toBe(readFileSync(file, 'utf8'))
}
