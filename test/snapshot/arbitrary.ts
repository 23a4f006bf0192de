/**
 * Snapshots with few ids and few values, so that two drawn ones share much.
 */
import * as fc from 'fast-check'
import type {
  CertificateSpec,
  DoorSpec,
  ListenerSpec,
  RouteSpec,
  ServerNameSpec,
  Snapshot,
  TracingSpec,
  UpstreamSpec,
} from '#snapshot/snapshot.ts'
import { routeSpec } from '../support/route-spec.ts'

export function upstreamSpec(id: string, changes: Partial<UpstreamSpec> = {}): UpstreamSpec {
  const port = { kind: 'number', number: 80 } as const
  return { id, namespace: 'default', service: id, port, protocol: 'http', discovery: ['slices', 'dns'], ...changes }
}

export function certificateSpec(id: string, changes: Partial<CertificateSpec> = {}): CertificateSpec {
  return { id, certificate: chain('A'), key: secretKey, names: ['a.test'], notAfter: Date.UTC(2030, 0), ...changes }
}

export const secretKey = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n'
export const chain = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`

const id = fc.constantFrom('a', 'b', 'c')

const route: fc.Arbitrary<RouteSpec> = fc
  .record({
    id,
    line: fc.constantFrom(1, 2),
    upstream: fc.constantFrom('a', undefined),
    maxBodyBytes: fc.constantFrom(0, 1),
    policies: fc.constantFrom([], [{ kind: 'rateLimit', config: { perSecond: 1 } }]),
  })
  .map(({ line, ...changes }) => {
    const spec = routeSpec('a.test', 'prefix', `/${changes.id}`, changes)
    return { ...spec, origin: { ...spec.origin, line } }
  })

const upstream = fc
  .record({ id, discovery: fc.constantFrom<UpstreamSpec['discovery'][]>(['slices'], ['dns', 'slices']) })
  .map((changes) => upstreamSpec(changes.id, changes))

const certificate = fc
  .record({
    id,
    key: fc.constantFrom(secretKey, `${secretKey}\n`),
    certificate: fc.constantFrom(chain('A'), chain('B')),
  })
  .map((changes) => certificateSpec(changes.id, changes))

const selector = (each: { readonly id: string }): string => each.id

const tracing = fc.constantFrom<(TracingSpec | undefined)[]>(undefined, { serviceName: 'a' }, { serviceName: 'b' })

const door: fc.Arbitrary<DoorSpec> = fc.record(
  { drainMs: fc.integer({ min: 1, max: 2 }), limits: fc.record({ idleTimeoutMs: fc.integer({ min: 1, max: 2 }) }) },
  { requiredKeys: [] },
)

export const anySnapshot: fc.Arbitrary<Snapshot> = fc
  .record({
    generation: fc.nat(3),
    routes: fc.uniqueArray(route, { selector }),
    upstreams: fc.uniqueArray(upstream, { selector }),
    certificates: fc.uniqueArray(certificate, { selector }),
    tlsHosts: fc.uniqueArray(fc.record({ host: id, certificate: id }), { selector: ({ host }) => host }),
    serverNames: fc.uniqueArray(
      fc.oneof(fc.record({ host: id }), fc.record({ host: id, clientAuth: id })) as fc.Arbitrary<ServerNameSpec>,
      { selector: ({ host }) => host },
    ),
    clientAuths: fc.uniqueArray(fc.record({ id, ca: id }), { selector }),
    tracing,
    door: fc.option(door, { nil: undefined }),
    listener: fc.constantFrom<(ListenerSpec | undefined)[]>(undefined, { proxyProtocol: true }, { proxyHeaderMs: 1 }),
  })
  .map(({ tracing: spec, door: each, listener, ...rest }) => ({
    ...rest,
    ...(spec && { tracing: spec }),
    ...(each && { door: each }),
    ...(listener && { listener }),
  }))
