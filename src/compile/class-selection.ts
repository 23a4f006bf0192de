/**
 * Which Ingresses are ours: by class name, by the controller of their IngressClass, or because they name no class
 * (Kubernetes Ingress concept, "Ingress class" and "Default IngressClass").
 */
import { didYouMean } from '#lib/nearest.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Ingress, IngressClass } from '#resource/resource.ts'

/** Controllers whose classes we serve: our own, and the one whose dialect we speak. */
const ourControllers: readonly string[] = ['genkan.dev/ingress-controller', 'k8s.io/ingress-nginx']

export type ClassVerdict = { readonly ours: boolean; readonly reason: string }

const legacyKey = 'kubernetes.io/ingress.class'
const defaultKey = 'ingressclass.kubernetes.io/is-default-class'

export class ClassSelection {
  readonly #ours: ReadonlySet<string>
  readonly #classes: ReadonlyMap<string, IngressClass>
  readonly #defaults: readonly IngressClass[]
  readonly #problems: Problem[]

  constructor(resources: ResourceSet, ours: readonly string[], problems: Problem[]) {
    this.#ours = new Set(ours)
    this.#problems = problems
    this.#classes = new Map(resources.list('IngressClass').map((each) => [each.metadata.name, each]))
    this.#defaults = [...this.#classes.values()].filter((each) => each.metadata.annotations[defaultKey] === 'true')
    if (this.#defaults.length > 1) for (const each of this.#defaults) this.#reportSecondDefault(each)
  }

  judge(ingress: Ingress): ClassVerdict {
    const named = this.#nameOf(ingress)
    if (named === undefined) return this.#judgeUnnamed(ingress)
    if (this.#ours.has(named.name)) return { ours: true, reason: `class ${named.name} is ours by name` }
    const found = this.#classes.get(named.name)
    if (found !== undefined) {
      const reason = `class ${named.name} belongs to ${found.spec.controller}`
      if (!isOurs(found)) this.#reportForeign(ingress, named.at, reason)
      return { ours: isOurs(found), reason }
    }
    this.#reportUnknown(ingress, named)
    return { ours: false, reason: `class ${named.name} is not ours, and no IngressClass of that name is known` }
  }

  /** Where both are written they agree: decode refuses anything else, as the API server does. */
  #nameOf(ingress: Ingress): { readonly name: string; readonly at: FieldPath } | undefined {
    const legacy = ingress.metadata.annotations[legacyKey]?.trim() ?? ''
    const field = ingress.spec.ingressClassName ?? ''
    if (legacy !== '') return { name: legacy, at: ['metadata', 'annotations', legacyKey] }
    return field === '' ? undefined : { name: field, at: ['spec', 'ingressClassName'] }
  }

  #judgeUnnamed(ingress: Ingress): ClassVerdict {
    if (this.#defaults.length === 0) return { ours: true, reason: 'it names no class' }
    const ours = this.#defaults.find((each) => isOurs(each) || this.#ours.has(each.metadata.name))
    const chosen = ours ?? this.#defaults[0]!
    const reason = `it names no class, and the default class ${chosen.metadata.name} belongs to ${chosen.spec.controller}`
    if (ours === undefined) this.#reportForeign(ingress, ['spec'], reason)
    return { ours: ours !== undefined, reason }
  }

  #reportUnknown(ingress: Ingress, { name, at }: { readonly name: string; readonly at: FieldPath }): void {
    const hint = didYouMean(name, [...this.#ours, ...this.#classes.keys()])
    const message = `the class ${JSON.stringify(name)} is not one of ours (${[...this.#ours].join(', ')}) and there is no IngressClass of that name`
    this.#problems.push(
      problemOf(ingress, {
        severity: 'warning',
        code: 'unknown-class',
        at,
        message,
        instead: `the Ingress is not served${hint}`,
      }),
    )
  }

  #reportForeign(ingress: Ingress, at: FieldPath, message: string): void {
    this.#problems.push(
      problemOf(ingress, {
        severity: 'info',
        code: 'foreign-class',
        at,
        message,
        instead: 'the Ingress is not served',
      }),
    )
  }

  #reportSecondDefault(each: IngressClass): void {
    const message = `${this.#defaults.length} classes say that they are the default`
    const at = ['metadata', 'annotations', defaultKey]
    const instead = 'an Ingress without a class is served when one of them is ours'
    this.#problems.push(problemOf(each, { severity: 'warning', code: 'two-default-classes', at, message, instead }))
  }
}

function isOurs(ingressClass: IngressClass): boolean {
  return ourControllers.includes(ingressClass.spec.controller)
}
