import { readDocuments } from '../../src/resource/documents.ts'
import { printProblem } from '../../src/resource/problem.ts'
import { ResourceSet } from '../../src/resource/resource-set.ts'

/** The objects of a YAML text; throws with every problem when one of them is an error. */
export function resourcesFrom(yaml: string, file = 'test.yaml'): ResourceSet {
  const { resources, problems } = readDocuments(yaml, file)
  const errors = problems.filter((problem) => problem.severity === 'error')
  if (errors.length > 0) throw new Error(errors.map(printProblem).join('\n'))
  return new ResourceSet(resources)
}
