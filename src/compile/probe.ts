/**
 * The readiness probe of an upstream: what the Service's annotations say, and where they say nothing, what the Pods or
 * Pod templates in the folder have.
 */
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { PortRef, Resource, Service, ServicePort } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import type { ProbeSpec } from '#snapshot/snapshot.ts'
import { genkanPrefix } from './genkan/dialect.ts'
import type { ReadinessWish } from './genkan/readiness.ts'
import type { Scope } from './setting.ts'
import { report } from './setting.ts'
import type { PodProbe } from './pod-probe.ts'
import { portNamed, probeOfTemplate } from './pod-probe.ts'
import type { PodTemplate } from './pod-templates.ts'
import { PodTemplates } from './pod-templates.ts'

export type ProbeRequest = {
  readonly service: Service
  /** The one the upstream names. `undefined` when the Service lists none: then only annotations say something. */
  readonly port: ServicePort | undefined
  readonly wish: ReadinessWish | undefined
  readonly scope: Scope
}

export class ProbeFinder {
  readonly #templates: PodTemplates
  readonly #problems: Problem[]
  /** What is reported already: several Service ports can have the same Pods. */
  readonly #reported = new Set<string>()
  /** How often something was left out because it is reported already. */
  repeated = 0

  constructor(resources: ResourceSet, problems: Problem[]) {
    this.#templates = new PodTemplates(resources)
    this.#problems = problems
  }

  /** What a probe of the Service's Pods is made of. */
  templatesOf(service: Service): readonly PodTemplate[] {
    return this.#templates.of(service)
  }

  /** `undefined`: what discovery says is believed at once. */
  find(request: ProbeRequest): ProbeSpec | undefined {
    const { service, port, wish } = request
    if (wish?.protocol === 'off' || service.spec.type === 'ExternalName') return undefined
    const templates = this.#templates.of(service)
    const found = port === undefined ? undefined : this.#ofPods(service, templates, port.targetPort)
    // Published although not ready: somebody wants traffic to go there before a probe would succeed.
    const base = service.spec.publishNotReadyAddresses ? undefined : found?.probe
    if (wish === undefined) return base
    return override(request, { wish, base, own: found?.own ?? ownPort(port), templates })
  }

  #ofPods(service: Service, templates: readonly PodTemplate[], target: PortRef): PodProbe | undefined {
    const found = templates.flatMap((template) => {
      const probe = probeOfTemplate(template, target)
      return probe === undefined ? [] : [{ template, probe }]
    })
    const [first] = found
    if (first === undefined) return undefined
    for (const problem of first.probe.problems) this.#report(first.template.resource, problem)
    const kinds = new Set(found.map(({ probe }) => printed(probe.probe)))
    if (kinds.size > 1) {
      const message = `the Pods that it selects have ${kinds.size} different readiness probes`
      const instead =
        first.probe.probe === undefined
          ? `${first.template.name} counts, which has none`
          : `that of ${first.template.name} counts`
      this.#report(service, { severity: 'info', code: 'different-probes', at: ['spec', 'selector'], message, instead })
    }
    return first.probe
  }

  #report(resource: Resource, init: ProblemInit): void {
    const problem = problemOf(resource, init)
    const key = `${problem.file}:${problem.line}:${problem.column} ${problem.code} ${problem.message}`
    if (this.#reported.has(key)) {
      this.repeated++
      return
    }
    this.#reported.add(key)
    this.#problems.push(problem)
  }
}

function printed(probe: ProbeSpec | undefined): string {
  return probe === undefined ? 'none' : JSON.stringify({ ...probe, origin: '' })
}

function ownPort(port: ServicePort | undefined): number | undefined {
  return port?.targetPort.kind === 'number' ? port.targetPort.number : undefined
}

type Basis = {
  readonly wish: ReadinessWish
  readonly base: ProbeSpec | undefined
  readonly own: number | undefined
  readonly templates: readonly PodTemplate[]
}

function override(request: ProbeRequest, { wish, base, own, templates }: Basis): ProbeSpec | undefined {
  const { service, scope } = request
  const kind = kindOf(wish, base)
  if (kind === undefined) {
    report(scope, wish.key, {
      expected: 'readiness-path, readiness-port or readiness-protocol beside it, for there is no probe to change',
      instead: 'nothing is probed',
    })
    return undefined
  }
  for (const key of ['path', 'scheme'] as const) {
    if (kind !== 'http' && wish[key] !== undefined)
      report(scope, `readiness-${key}`, { expected: 'readiness-protocol: http beside it', instead: 'it is ignored' })
  }
  const kept = base?.action.kind === kind ? base : undefined
  const port = wish.port === undefined ? kept?.port : resolvePort(request, wish.port, templates)
  return {
    action: actionOf(kind, wish, kept?.action),
    ...(port === undefined || port === own ? {} : { port }),
    // Where somebody wrote a port, it is asked wherever the endpoints are (but a stand-in's, see health/gate.ts).
    ...(wish.port === undefined && kept?.ownPort !== undefined ? { ownPort: kept.ownPort } : {}),
    initialDelayMs: wish.initialDelayMs ?? base?.initialDelayMs ?? 0,
    periodMs: wish.periodMs ?? base?.periodMs ?? 10_000,
    timeoutMs: wish.timeoutMs ?? base?.timeoutMs ?? 1_000,
    successThreshold: wish.successThreshold ?? base?.successThreshold ?? 1,
    failureThreshold: wish.failureThreshold ?? base?.failureThreshold ?? 3,
    origin: `${genkanPrefix}${wish.key} of ${objectName(service)}${base === undefined ? '' : ` over the ${base.origin}`}`,
  }
}

function kindOf(
  { protocol, path, scheme, port }: ReadinessWish,
  base: ProbeSpec | undefined,
): ProbeSpec['action']['kind'] | undefined {
  if (protocol !== undefined && protocol !== 'off') return protocol
  if (path !== undefined || scheme !== undefined) return 'http'
  return base?.action.kind ?? (port === undefined ? undefined : 'tcp')
}

function actionOf(
  kind: ProbeSpec['action']['kind'],
  { path, scheme }: ReadinessWish,
  kept: ProbeSpec['action'] | undefined,
): ProbeSpec['action'] {
  if (kind === 'tcp') return { kind }
  if (kind === 'grpc') return { kind, service: kept?.kind === 'grpc' ? kept.service : '' }
  const basis = kept?.kind === 'http' ? kept : ({ kind, scheme: 'http', path: '/', fields: [] } as const)
  return { ...basis, scheme: scheme ?? basis.scheme, path: path ?? basis.path }
}

function resolvePort(
  { service, scope }: ProbeRequest,
  port: PortRef,
  templates: readonly PodTemplate[],
): number | undefined {
  if (port.kind === 'number') return port.number
  const ofPods = (name: string): number | undefined =>
    templates.map(({ spec }) => portNamed(spec.containers, name)).find((each) => each !== undefined)
  const ofService = service.spec.ports.find((each) => each.name === port.name)?.targetPort
  const number = ofPods(port.name) ?? (ofService?.kind === 'name' ? ofPods(ofService.name) : ofService?.number)
  if (number === undefined)
    report(scope, 'readiness-port', {
      expected: 'the name of a container port or of a port of the Service',
      instead: "the endpoint's own port is used",
    })
  return number
}
