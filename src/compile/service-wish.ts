/** What our own annotations on a Service say, read once per Service. */
import type { Problem } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Service } from '#resource/resource.ts'
import { genkanPrefix } from './genkan/dialect.ts'
import type { ReadinessWish } from './genkan/readiness.ts'
import { readReadiness } from './genkan/readiness.ts'
import { readOwnWish } from './genkan/upstream-settings.ts'
import { annotationScope } from './setting.ts'
import type { UpstreamWish } from './upstream-wish.ts'

export type ServiceWish = { readonly wish: UpstreamWish; readonly readiness: ReadinessWish | undefined }

const nothing: ServiceWish = { wish: {}, readiness: undefined }

export class ServiceWishes {
  readonly #read: ReadonlyMap<Service, ServiceWish>

  /** Reads all of them, so that mistakes are reported whether or not a route leads there yet. */
  constructor(resources: ResourceSet, problems: Problem[]) {
    const annotated = resources
      .list('Service')
      .filter(({ metadata }) => Object.keys(metadata.annotations).some((key) => key.startsWith(genkanPrefix)))
    this.#read = new Map(
      annotated.map((service) => {
        const scope = annotationScope(service, genkanPrefix, problems)
        return [service, { wish: readOwnWish(scope), readiness: readReadiness(scope) }]
      }),
    )
  }

  of(service: Service | undefined): ServiceWish {
    return (service && this.#read.get(service)) ?? nothing
  }
}
