/** What our own annotations on a Service say, read once per Service, and what is wrong with any of its annotations. */
import type { Problem } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Service } from '#resource/resource.ts'
import { genkanPrefix } from './genkan/dialect.ts'
import type { ReadinessWish } from './genkan/readiness.ts'
import { readReadiness } from './genkan/readiness.ts'
import { readOwnWish } from './genkan/upstream-settings.ts'
import type { CompileMemo } from './memo.ts'
import { annotationScope } from './setting.ts'
import type { UpstreamWish } from './upstream-wish.ts'
import { judgeAnnotations } from './verdict.ts'

export type ServiceWish = { readonly wish: UpstreamWish; readonly readiness: ReadinessWish | undefined }

const nothing: ServiceWish = { wish: {}, readiness: undefined }

export class ServiceWishes {
  readonly #read = new Map<Service, ServiceWish>()

  /** Reads all of them, so that mistakes are reported whether or not a route leads there yet. */
  constructor(
    resources: ResourceSet,
    { memo, problems }: { readonly memo: CompileMemo; readonly problems: Problem[] },
  ) {
    for (const service of resources.list('Service')) {
      const read = memo.services.of(service, { resources, given: [] }, (_, found) => readService(service, found))
      problems.push(...read.problems)
      if (read.value !== nothing) this.#read.set(service, read.value)
    }
  }

  of(service: Service | undefined): ServiceWish {
    return (service && this.#read.get(service)) ?? nothing
  }
}

function readService(service: Service, problems: Problem[]): ServiceWish {
  for (const { problem } of judgeAnnotations(service)) if (problem !== undefined) problems.push(problem)
  if (!Object.keys(service.metadata.annotations).some((key) => key.startsWith(genkanPrefix))) return nothing
  const scope = annotationScope(service, genkanPrefix, problems)
  return { wish: readOwnWish(scope), readiness: readReadiness(scope) }
}
