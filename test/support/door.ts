/** A worker's data plane on free ports of loopback, without sources and without a thread. */
import { createDefaultCertificate } from '#listener/default-certificate.ts'
import type { PemPair } from '#listener/tls-contexts.ts'
import type { Exchange } from '#proxy/exchange.ts'
import { defaultLimits, type Limits } from '#proxy/limits.ts'
import { silentObserver } from '#proxy/observer.ts'
import type { EndpointSet, EndpointSpec, RouteSpec, Snapshot, UpstreamSpec } from '#snapshot/snapshot.ts'
import { emptySnapshot } from '#snapshot/patch.ts'
import { silentLog } from '#telemetry/log.ts'
import { createFrontDoor, type FrontDoor, type FrontDoorInit } from '#worker/front-door.ts'
import { after } from './closing.ts'
import { expectServedHere, type LaneChoice, laneUnderTest } from './lanes.ts'
import { until } from './until.ts'

export type DoorOptions = {
  /** One route for everything leads to these ports, in this order. */
  readonly endpoints?: readonly number[]
  readonly route?: Partial<RouteSpec>
  readonly limits?: Partial<Limits>
  readonly init?: Partial<FrontDoorInit>
  readonly snapshot?: Partial<Snapshot>
  /** Of the only upstream there is, unless `snapshot` has others. */
  readonly upstream?: Partial<UpstreamSpec>
}

export interface Door {
  readonly frontDoor: FrontDoor
  readonly http: number
  readonly https: number
  /** In the order they finished. */
  readonly finished: readonly Exchange[]
  readonly suspects: readonly string[]
  /** Errors the program logged: bugs, unless the test that expects them takes them out. */
  readonly errors: string[]
  /** Begun and not finished. */
  inFlight(): number
  open(): number
  tunnels(): number
  /** Connections closed at once because of the limit. */
  refused(): number
  /** The exchange that finishes as number `count`, counted from 1. */
  nth(count: number): Promise<Exchange>
  apply(change: { readonly snapshot?: Partial<Snapshot>; readonly endpoints?: readonly number[] }): void
}

let certificate: Promise<PemPair> | undefined

/**
 * Is closed when the test ends, and then fails the test if an exchange is left over, a bug was logged, or another lane
 * than the one under test has served.
 */
export async function openDoor(options: DoorOptions = {}): Promise<Door> {
  certificate ??= createDefaultCertificate(new Date())
  const state = { started: 0, open: 0, tunnels: 0, refused: 0 }
  const finished: Exchange[] = []
  const suspects: string[] = []
  const errors: string[] = []
  const left: string[] = []
  const { lane = laneUnderTest(), observer = silentObserver, ...init } = options.init ?? {}
  const frontDoor = await createFrontDoor({
    bind: '127.0.0.1',
    httpPort: 0,
    httpsPort: 0,
    portConflict: 'fail',
    reusePort: false,
    trustedProxies: [],
    forwardedField: false,
    exposeCause: true,
    lane,
    affinityKey: new Uint8Array(32).fill(7),
    limits: { ...defaultLimits, lingerMs: 200, ...options.limits },
    defaultCertificate: await certificate,
    observer: {
      ...observer,
      onConnectionOpened: () => void state.open++,
      onConnectionClosed: () => void state.open--,
      onConnectionRefused: () => void state.refused++,
      onTunnel: (delta) => void (state.tunnels += delta),
      onUnfit: (reason) => void left.push(reason),
      onStart: () => void state.started++,
      onFinish: (exchange) => {
        finished.push(exchange)
        observer.onFinish(exchange)
      },
      onSuspect: (upstream) => void suspects.push(upstream),
    },
    log: { ...silentLog, error: (message, fields) => void errors.push(`${message} ${JSON.stringify(fields)}`) },
    ...init,
  })
  let generation = 0
  let ports = options.endpoints ?? []
  const apply: Door['apply'] = ({ snapshot = options.snapshot ?? {}, endpoints = ports }) => {
    ports = endpoints
    frontDoor.apply(
      snapshotOf(++generation, options.route ?? {}, { upstreams: [upstreamOf(options.upstream ?? {})], ...snapshot }),
      [setOf(endpoints)],
    )
  }
  apply({})
  const door: Door = {
    frontDoor,
    http: frontDoor.ports.http,
    https: frontDoor.ports.https,
    finished,
    suspects,
    errors,
    inFlight: () => state.started - finished.length,
    open: () => state.open,
    tunnels: () => state.tunnels,
    refused: () => state.refused,
    nth: async (count) => {
      await until(() => finished.length >= count)
      return finished[count - 1]!
    },
    apply,
  }
  after(async () => {
    await frontDoor.close()
    await until(() => state.started === finished.length && state.open === 0)
    if (errors.length > 0) throw new Error(errors.join('\n'))
    expectServedHere(left)
    if (!finished.every((each) => isServedBy(lane, each)))
      throw new Error('another lane than the one under test has served')
    if (new Set(finished).size !== finished.length) throw new Error('an exchange finished twice')
  })
  return door
}

/** Requests over HTTP/2, and those that were left for a reason, are not the fast lane's. */
function isServedBy(choice: LaneChoice, { lane, received, connection }: Exchange): boolean {
  if (choice === 'general') return lane === 'general'
  return lane === 'fast' || received.version === '2' || connection.unfit !== undefined
}

export const timeouts = { connectMs: 1_000, sendMs: 5_000, readMs: 5_000 }

export function routeOf(route: Partial<RouteSpec>): RouteSpec {
  return {
    id: 'test/all',
    host: '',
    path: { kind: 'prefix', value: '/' },
    origin: { object: 'Ingress test/all', namespace: 'test', name: 'all', file: 'test.yaml', line: 1 },
    upstream: 'test/web:80',
    policies: [],
    timeouts,
    maxBodyBytes: 0,
    ...route,
  }
}

function snapshotOf(generation: number, route: Partial<RouteSpec>, snapshot: Partial<Snapshot>): Snapshot {
  return { ...emptySnapshot, generation, routes: [routeOf(route)], upstreams: [upstreamOf({})], ...snapshot }
}

export function upstreamOf(upstream: Partial<UpstreamSpec>): UpstreamSpec {
  return {
    id: 'test/web:80',
    namespace: 'test',
    service: 'web',
    port: { kind: 'number', number: 80 },
    protocol: 'http',
    discovery: ['slices'],
    ...upstream,
  }
}

export function setOf(ports: readonly number[], set: Partial<EndpointSet> = {}): EndpointSet {
  return {
    upstream: 'test/web:80',
    state: ports.length > 0 ? 'live' : 'empty',
    mode: 'slices',
    endpoints: ports.map((port) => endpointOf({ port })),
    ...set,
  }
}

export function endpointOf(spec: Partial<EndpointSpec>): EndpointSpec {
  const address = spec.address ?? '127.0.0.1'
  const port = spec.port ?? 80
  return {
    id: `${address}:${port}`,
    address,
    port,
    priority: 0,
    weight: 1,
    ready: true,
    serving: true,
    terminating: false,
    name: undefined,
    node: undefined,
    zone: undefined,
    ...spec,
  }
}
