/**
 * NetworkPolicy objects → who may reach the Pods behind a Service port through the front door. Only addresses can be
 * judged here: peers that are chosen by labels are Pods, and what comes through the front door comes from outside, so
 * they let nobody in, unless the policy says with an annotation that the front door is one of them. Every such peer is
 * reported. (Kubernetes API reference, NetworkPolicy v1.)
 */
import type { AddressBlock, NetworkPolicyConfig } from '#policy/network-policy.ts'
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { LabelSelector, NetworkPolicy, NetworkPolicyPort, PodSpec, PortRef, Service } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import type { UpstreamSpec } from '#snapshot/snapshot.ts'
import { genkanPrefix } from './genkan/dialect.ts'
import type { PodTemplates } from './pod-templates.ts'

const peersKey = `${genkanPrefix}network-policy-peers`
const everywhere: readonly AddressBlock[] = [
  { cidr: '0.0.0.0/0', except: [] },
  { cidr: '::/0', except: [] },
]

type Labels = Readonly<Record<string, string>>
/** One kind of Pod that the Service leads to; `spec` is `undefined` when no file shows it. */
type Look = { readonly labels: Labels; readonly spec: PodSpec | undefined }
type Target = Pick<UpstreamSpec, 'namespace' | 'service' | 'port'>

export class NetworkPolicies {
  readonly #resources: ResourceSet
  readonly #templates: PodTemplates
  readonly #problems: Problem[]
  readonly #byNamespace: ReadonlyMap<string, readonly NetworkPolicy[]>
  readonly #reported = new Set<string>()

  constructor({
    resources,
    templates,
    problems,
  }: {
    readonly resources: ResourceSet
    readonly templates: PodTemplates
    readonly problems: Problem[]
  }) {
    this.#resources = resources
    this.#templates = templates
    this.#problems = problems
    const restricting = resources.list('NetworkPolicy').filter(({ spec }) => spec.policyTypes.includes('Ingress'))
    this.#byNamespace = Map.groupBy(restricting, ({ metadata }) => metadata.namespace)
  }

  /** Whether any policy could be about Pods of the namespace. */
  concern(namespace: string): boolean {
    return this.#byNamespace.has(namespace)
  }

  /** `undefined` when no policy selects any of its Pods: everybody may. */
  of(target: Target): NetworkPolicyConfig | undefined {
    const near = this.#byNamespace.get(target.namespace) ?? []
    if (near.length === 0) return undefined
    const service = this.#resources.get('Service', target.namespace, target.service)
    const looks = this.#looks(service)
    const policies = near.filter(({ spec }) => looks.some(({ labels }) => selects(spec.podSelector, labels)))
    if (policies.length === 0) return undefined
    const blocks = policies.flatMap((policy) => this.#blocks(policy, { target, service, looks }))
    const names = policies.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).toSorted()
    return { blocks: unique(blocks), policies: names }
  }

  /** Without a Pod or a template in any file, all that is known of the Pods is what the Service selects them by. */
  #looks(service: Service | undefined): readonly Look[] {
    if (service === undefined || Object.keys(service.spec.selector).length === 0) return []
    const templates = this.#templates.of(service)
    if (templates.length === 0) return [{ labels: service.spec.selector, spec: undefined }]
    return templates.map(({ resource, spec }) => ({
      spec,
      labels: resource.kind === 'Pod' ? resource.metadata.labels : resource.template.labels,
    }))
  }

  #blocks(
    policy: NetworkPolicy,
    {
      target,
      service,
      looks,
    }: { readonly target: Target; readonly service: Service | undefined; readonly looks: readonly Look[] },
  ): readonly AddressBlock[] {
    const admits = this.#admitsPeers(policy)
    return policy.spec.ingress.flatMap(({ from, ports }, index) => {
      if (!ports.every((port) => port.port === undefined) || ports.length > 0) {
        if (!ports.some((port) => covers(port, portsOf(target, service, looks)))) return []
      }
      if (from.length === 0) return everywhere
      return from.flatMap((peer, number) => {
        if (peer.kind === 'block') return [{ cidr: peer.cidr, except: peer.except }]
        this.#reportPeer(policy, ['spec', 'ingress', index, 'from', number], admits)
        return admits ? everywhere : []
      })
    })
  }

  #admitsPeers(policy: NetworkPolicy): boolean {
    const value = policy.metadata.annotations[peersKey]
    if (value === undefined || value === 'refuse' || value === 'admit') return value === 'admit'
    const at = ['metadata', 'annotations', peersKey]
    this.#report(policy, at, () => ({
      severity: 'error',
      code: 'invalid-annotation-value',
      message: `expected admit or refuse, found ${JSON.stringify(value)}`,
      instead: 'refuse is used',
    }))
    return false
  }

  #reportPeer(policy: NetworkPolicy, at: readonly (string | number)[], admits: boolean): void {
    this.#report(policy, at, () => ({
      severity: admits ? 'info' : 'warning',
      code: 'peer-not-judged',
      message:
        'peers chosen by labels are Pods, and whether the front door would be one of them cannot be told from here',
      instead: admits
        ? `${peersKey} says that it is: everybody may come through the front door`
        : `nobody comes through the front door because of this peer; ${peersKey}: admit would change that`,
    }))
  }

  /** Once for each place, however many Services the policy is about. */
  #report(
    policy: NetworkPolicy,
    at: readonly (string | number)[],
    problem: () => Pick<Problem, 'severity' | 'code' | 'message' | 'instead'>,
  ): void {
    const key = `${objectName(policy)} ${at.join('.')}`
    if (this.#reported.has(key)) return
    this.#reported.add(key)
    this.#problems.push(problemOf(policy, { ...problem(), at }))
  }
}

/** As the API machinery selects: every label and every expression must agree; an empty selector selects everything. */
function selects({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const value = labels[key]
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value)
        case 'NotIn':
          return value === undefined || !values.includes(value)
        case 'Exists':
          return value !== undefined
        case 'DoesNotExist':
          return value === undefined
      }
    })
  )
}

type PodPorts = { readonly numbers: readonly number[]; readonly names: readonly string[] }

/** Policies speak of the ports of Pods, so the Service's port is followed to them. */
function portsOf({ port }: Target, service: Service | undefined, looks: readonly Look[]): PodPorts {
  const found = service?.spec.ports.find(
    (each) => each.protocol === 'TCP' && (port.kind === 'name' ? each.name === port.name : each.port === port.number),
  )
  const target: PortRef = found?.targetPort ?? port
  const all = looks
    .flatMap(({ spec }) => spec?.containers.flatMap(({ ports }) => ports) ?? [])
    .filter((each) => each.protocol === 'TCP')
  if (target.kind === 'number') {
    return {
      numbers: [target.number],
      names: all.filter((each) => each.containerPort === target.number && each.name !== '').map((each) => each.name),
    }
  }
  return {
    names: [target.name],
    numbers: all.filter((each) => each.name === target.name).map((each) => each.containerPort),
  }
}

/** A port that is not known for certain is not covered. */
function covers({ protocol, port, endPort }: NetworkPolicyPort, { numbers, names }: PodPorts): boolean {
  if (protocol !== 'TCP') return false
  if (port === undefined) return true
  if (port.kind === 'name') return names.includes(port.name)
  return numbers.length > 0 && numbers.every((number) => number >= port.number && number <= (endPort ?? port.number))
}

function unique(blocks: readonly AddressBlock[]): readonly AddressBlock[] {
  return [...new Map(blocks.map((block) => [JSON.stringify(block), block])).values()]
}
