/**
 * A discovery under test: a clock that stands still, no jitter, a log that is kept, and every set it ever pushed.
 */
import type { Bounds } from '../../src/discovery/bounds.ts'
import type { Discovery, DiscoveryReport } from '../../src/discovery/discovery.ts'
import type { DiscoveryInit } from '../../src/discovery/engine.ts'
import { createDiscovery } from '../../src/discovery/engine.ts'
import { ResourceSet } from '../../src/resource/resource-set.ts'
import type { DiscoveryMode, EndpointSet, PortSpec, UpstreamSpec } from '../../src/snapshot/snapshot.ts'
import type { Log } from '../../src/telemetry/log.ts'
import type { DnsServer } from '../support/dns-server.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { resourcesFrom } from '../support/resources.ts'
import { settle, until } from '../support/until.ts'

export type HouseInit = Partial<Omit<DiscoveryInit, 'bounds' | 'servers'>> & {
  readonly bounds?: Partial<Bounds>
  readonly servers?: readonly (DnsServer | string)[]
}

/** Records what is logged, one `level message` each. */
export function recordingLog(lines: string[]): Log {
  const log: Log = {
    debug: (message) => lines.push(`debug ${message}`),
    info: (message) => lines.push(`info ${message}`),
    warn: (message) => lines.push(`warn ${message}`),
    error: (message) => lines.push(`error ${message}`),
    with: () => log,
  }
  return log
}

export class House {
  readonly clock = new FakeClock()
  readonly lines: string[] = []
  readonly pushed: EndpointSet[][] = []
  readonly discovery: Discovery

  constructor({ servers = [], bounds, ...init }: HouseInit = {}) {
    this.discovery = createDiscovery({
      log: recordingLog(this.lines),
      onChange: (sets) => this.pushed.push([...sets]),
      servers: servers.map((each) => (typeof each === 'string' ? each : each.address)),
      // No test asks anybody outside this machine.
      systemServers: () => [],
      clusterDomain: 'cluster.local',
      dnsForm: 'svc',
      nodeName: undefined,
      env: {},
      now: this.clock.now,
      setTimer: this.clock.setTimer,
      random: () => 0.5,
      ...init,
      bounds: { jitter: 0, ...bounds },
    })
  }

  follow(yaml: string, ...upstreams: readonly UpstreamSpec[]): Promise<void> {
    return this.discovery.follow(yaml === '' ? new ResourceSet([]) : resourcesFrom(yaml), upstreams)
  }

  get set(): EndpointSet {
    return this.discovery.current()[0]!
  }

  get report(): DiscoveryReport {
    return this.discovery.reports()[0]!
  }

  /** Ids of the endpoints that may get new sessions. */
  get ready(): readonly string[] {
    return this.set.endpoints.filter((each) => each.ready).map((each) => each.id)
  }

  get ids(): readonly string[] {
    return this.set.endpoints.map((each) => each.id)
  }

  says(mode: DiscoveryMode): string {
    return this.report.trail.find((each) => each.mode === mode)?.says ?? ''
  }

  /** Moves the clock to the next refresh of the only name and waits until its answer is in. */
  async refresh(): Promise<void> {
    const at = this.#nextRefresh()
    this.clock.advance(at - this.clock.now())
    await until(() => this.#nextRefresh() > this.clock.now())
    await settle()
  }

  get nextRefreshIn(): number {
    return this.#nextRefresh() - this.clock.now()
  }

  #nextRefresh(): number {
    return this.report.dns[0]?.nextRefreshAt ?? 0
  }
}

/** `shop/web:80`, `shop/web:http`; modes in their order. */
export function upstream(id: string, ...discovery: readonly DiscoveryMode[]): UpstreamSpec {
  const [namespace = '', rest = ''] = id.split('/')
  const [service = '', text = ''] = rest.split(':')
  const port: PortSpec = /^\d+$/.test(text) ? { kind: 'number', number: Number(text) } : { kind: 'name', name: text }
  return {
    id,
    namespace,
    service,
    port,
    protocol: 'http',
    discovery: discovery.length === 0 ? ['slices', 'pods', 'dns'] : discovery,
  }
}
