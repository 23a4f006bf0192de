/**
 * Everybody's wishes for one upstream → how it is. For each setting by itself: the Service's own annotation, else the
 * oldest Ingress that says something, else the Service's fields, else what the main upstream of a canary has. Whoever
 * wished for something else hears of it; whoever wished for protection that is not there is denied.
 */
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { Ingress, PortRef, Service, ServicePort } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import type { BalanceSpec, DiscoveryMode, UpstreamSpec, UpstreamTlsSpec } from '#snapshot/snapshot.ts'
import { genkanPrefix } from './genkan/dialect.ts'
import type { ProbeFinder } from './probe.ts'
import type { ServiceWish } from './service-wish.ts'
import { annotationScope } from './setting.ts'
import type { Aspect, TlsWish, UpstreamWish, Wish } from './upstream-wish.ts'

/** An Ingress whose routes lead to an upstream. */
export type Asker = {
  readonly ingress: Ingress
  readonly wish: UpstreamWish
  /** Its place in order of age. */
  readonly rank: number
}

export type UpstreamEntry = ServiceWish & {
  readonly id: string
  readonly namespace: string
  readonly service: string
  readonly port: PortRef
  readonly known: Service | undefined
  /** Oldest first once all are there. */
  readonly askers: Asker[]
  /** Of which upstreams it is the canary; `sticky`: it has their affinity. */
  readonly mains: { readonly entry: UpstreamEntry; readonly sticky: boolean }[]
}

export type Settled = {
  readonly spec: UpstreamSpec
  /** Ingresses whose routes must not lead here, and why. */
  readonly denied: ReadonlyMap<Ingress, string>
}

export type SettleWorld = {
  readonly discovery: readonly DiscoveryMode[]
  readonly balance: BalanceSpec | undefined
  /** Services are asked for at their own address. */
  readonly serviceAddress: boolean
  readonly probes: ProbeFinder
  readonly problems: Problem[]
}

export function settle(entry: UpstreamEntry, world: SettleWorld): Settled {
  const { id, namespace, service, port } = entry
  const protocol = choose(entry, 'protocol')?.value ?? 'http'
  const tls = choose(entry, 'tls')?.value
  const encrypted = protocol !== 'http' && protocol !== 'grpc'
  const modes = choose(entry, 'discovery')?.value ?? world.discovery
  const atOwnAddress = hasOwnAddress(entry, world)
  const spec: UpstreamSpec = {
    id,
    namespace,
    service,
    port,
    protocol,
    discovery: atOwnAddress ? addressModes(modes) : modes,
    ...balanceOf(choose(entry, 'balance')?.value ?? world.balance),
    ...given('affinity', choose(entry, 'affinity')?.value),
    // A probe would reach whoever is behind the address, now this one, now that one.
    ...given('probe', atOwnAddress ? undefined : probeOf(entry, world)),
    ...given('outlier', choose(entry, 'outlier')?.value),
    ...given('slowStartMs', choose(entry, 'slowStartMs')?.value || undefined),
    ...given('bounds', boundsOf(entry)),
    ...(encrypted && tls !== undefined ? { tls: tlsOf(entry, tls) } : {}),
  }
  return { spec, denied: judgeAskers(entry, { protocol, encrypted, problems: world.problems }) }
}

/** DNS knows the address of a Service that no file gives one. */
function addressModes(modes: readonly DiscoveryMode[]): readonly DiscoveryMode[] {
  return modes.includes('dns') ? ['service', 'dns'] : ['service']
}

/** A name outside the cluster has none, and neither has a headless Service, where whoever wished for it hears so. */
function hasOwnAddress(entry: UpstreamEntry, { serviceAddress, problems }: SettleWorld): boolean {
  const { id, known } = entry
  const wish = choose(entry, 'serviceAddress')
  if (!(wish?.value ?? serviceAddress) || known?.spec.type === 'ExternalName') return false
  if (known?.spec.clusterIP !== 'None') return true
  const problem = {
    code: 'no-service-address',
    message: `service-upstream: the Service of ${id} is headless and has no address of its own`,
    instead: 'its endpoints are used',
  } as const
  const by = wish?.by.resource
  problems.push(
    by === undefined || wish === undefined
      ? problemOf(known, { ...problem, severity: 'info', at: ['spec', 'clusterIP'] })
      : problemOf(by, { ...problem, severity: 'warning', at: wish.at }),
  )
  return false
}

type Source = { readonly name: string; readonly resource: Ingress | Service | undefined }
type Chosen<Value> = Wish<Value> & { readonly by: Source }
/** What a wish for this setting carries. */
type ValueOf<Setting extends Aspect> = NonNullable<UpstreamWish[Setting]>['value']

function choose<Setting extends Aspect>(entry: UpstreamEntry, aspect: Setting): Chosen<ValueOf<Setting>> | undefined {
  if (aspect === 'affinity') {
    const bound = entry.mains.find(
      ({ entry: main, sticky }) => sticky && chooseOwn(main, 'affinity')?.value.kind === 'cookie',
    )
    if (bound !== undefined) return chooseOwn(bound.entry, aspect)
  }
  const own = chooseOwn(entry, aspect)
  if (own !== undefined || aspect === 'discovery' || aspect === 'affinity') return own
  return entry.mains.map(({ entry: main }) => chooseOwn(main, aspect)).find((each) => each !== undefined)
}

function chooseOwn<Setting extends Aspect>(
  { known, wish, askers, port }: UpstreamEntry,
  aspect: Setting,
): Chosen<ValueOf<Setting>> | undefined {
  const of = (wishes: UpstreamWish): Wish<ValueOf<Setting>> | undefined => wishes[aspect]
  const ofService = of(wish)
  if (ofService !== undefined) return { ...ofService, by: sourceOf(known) }
  for (const asker of askers) {
    const found = of(asker.wish)
    if (found !== undefined) return { ...found, by: sourceOf(asker.ingress) }
  }
  const field = known && of(fieldWishes(known, port))
  return field && { ...field, by: sourceOf(known) }
}

function sourceOf(resource: Ingress | Service | undefined): Source {
  return { name: resource === undefined ? '' : objectName(resource), resource }
}

/** What the fields of a Service say, for when no annotation does. */
function fieldWishes(service: Service, port: PortRef): UpstreamWish {
  const { sessionAffinity, sessionAffinityTimeout } = service.spec
  const portAt = service.spec.ports.findIndex((each) => isPort(each, port))
  const protocol = protocolOf(service.spec.ports[portAt]?.appProtocol)
  return {
    ...(protocol === undefined
      ? {}
      : { protocol: { value: protocol, key: 'appProtocol', at: ['spec', 'ports', portAt, 'appProtocol'] } }),
    ...(sessionAffinity === 'None'
      ? {}
      : {
          affinity: {
            value: { kind: 'clientIP', timeoutMs: sessionAffinityTimeout * 1000 },
            key: 'sessionAffinity',
            at: ['spec', 'sessionAffinity'],
          },
        }),
  }
}

/** The names of KEP-3726 and those that meshes have made common; others say nothing about HTTP. */
function protocolOf(appProtocol: string | undefined): UpstreamSpec['protocol'] | undefined {
  return appProtocols.get(appProtocol?.toLowerCase() ?? '')
}

const appProtocols: ReadonlyMap<string, UpstreamSpec['protocol']> = new Map([
  ['http', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['https', 'https'],
  ['kubernetes.io/wss', 'https'],
  ['kubernetes.io/h2c', 'grpc'],
  ['grpc', 'grpc'],
  ['grpcs', 'grpcs'],
])

function isPort({ name, port, protocol }: ServicePort, ref: PortRef): boolean {
  return protocol === 'TCP' && (ref.kind === 'name' ? name === ref.name : port === ref.number)
}

function balanceOf(balance: BalanceSpec | undefined): Pick<UpstreamSpec, 'balance'> {
  return balance === undefined || balance.kind === 'roundRobin' ? {} : { balance }
}

function probeOf({ known, port, readiness }: UpstreamEntry, { probes, problems }: SettleWorld): UpstreamSpec['probe'] {
  if (known === undefined) return undefined
  const scope = annotationScope(known, genkanPrefix, problems)
  return probes.find({
    service: known,
    port: known.spec.ports.find((each) => isPort(each, port)),
    wish: readiness,
    scope,
  })
}

function boundsOf(entry: UpstreamEntry): UpstreamSpec['bounds'] {
  const bounds = {
    ...given('connections', choose(entry, 'connections')?.value),
    ...given('pending', choose(entry, 'pending')?.value),
    ...given('pendingMs', choose(entry, 'pendingMs')?.value),
  }
  return Object.keys(bounds).length === 0 ? undefined : bounds
}

function tlsOf({ known, namespace, service }: UpstreamEntry, wish: TlsWish): UpstreamTlsSpec {
  const { verify, sendName, ca, depth, client, minVersion, ciphers } = wish
  const name = wish.name ?? known?.spec.externalName ?? `${service}.${namespace}.svc`
  return {
    verify,
    ...(verify ? { name } : {}),
    ...(sendName ? { serverName: name } : {}),
    ...given('ca', ca),
    ...given('depth', verify ? depth : undefined),
    ...given('client', client),
    ...given('minVersion', minVersion),
    ...given('ciphers', ciphers),
  }
}

type Judgement = {
  readonly protocol: UpstreamSpec['protocol']
  readonly encrypted: boolean
  readonly problems: Problem[]
}

const aspects: readonly Aspect[] = [
  'discovery',
  'serviceAddress',
  'protocol',
  'tls',
  'balance',
  'affinity',
  'outlier',
  'slowStartMs',
  'connections',
  'pending',
  'pendingMs',
]

/** Reports every wish that did not come true. */
function judgeAskers(entry: UpstreamEntry, { protocol, encrypted, problems }: Judgement): ReadonlyMap<Ingress, string> {
  const denied = new Map<Ingress, string>()
  const chosen = aspects.flatMap((aspect) => {
    const winner = choose(entry, aspect)
    return winner === undefined ? [] : [{ aspect, winner }]
  })
  for (const { ingress, wish } of entry.askers) {
    for (const { aspect, winner } of chosen) {
      const wished = wish[aspect]
      if (wished === undefined || same(wished.value, winner.value)) continue
      const reason = conflictOf(entry.id, wished.key, winner)
      const guards =
        (aspect === 'protocol' && isEncrypted(wished.value) && !isEncrypted(protocol)) ||
        (aspect === 'tls' && wish.tls?.value.verify === true)
      if (guards) denied.set(ingress, reason)
      const instead = guards
        ? 'the routes that lead there answer 503 rather than go unprotected'
        : `that of ${winner.by.name} counts`
      problems.push(
        problemOf(ingress, {
          severity: guards ? 'error' : 'warning',
          code: 'upstream-conflict',
          at: wished.at,
          message: reason,
          instead,
        }),
      )
    }
    if (wish.tls === undefined || encrypted) continue
    const message = `${wish.tls.key} has no effect on ${entry.id}, which is spoken to in ${protocol === 'http' ? 'HTTP' : 'gRPC'} without TLS`
    const { guards } = wish.tls.value
    if (guards && !denied.has(ingress)) denied.set(ingress, message)
    const instead = guards
      ? 'the routes that lead there answer 503; backend-protocol: HTTPS or GRPCS would change that'
      : 'it is ignored'
    problems.push(
      problemOf(ingress, {
        severity: guards ? 'error' : 'warning',
        code: 'tls-without-tls',
        at: wish.tls.at,
        message,
        instead,
      }),
    )
  }
  return denied
}

/** Whatever the client does. */
function isEncrypted(protocol: unknown): boolean {
  return protocol === 'https' || protocol === 'grpcs'
}

function conflictOf(id: string, key: string, { key: theirs, at, by }: Chosen<unknown>): string {
  const place = by.resource?.origin.locate(at)
  const where = place === undefined ? '' : ` (${place.file}:${place.line}:${place.column})`
  return `${key} of ${id}: ${by.name}${where} says something else${theirs === key ? '' : ` with ${theirs}`}`
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** A field that is there or is not, never `undefined`. */
function given<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  // With one key the object has exactly the shape promised; TypeScript widens computed keys to an index.
  return (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: Value }
}
