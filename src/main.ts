/**
 * The composition root: the only file that knows every room. It builds them, wires them, and gives back a handle.
 */
import { randomBytes } from 'node:crypto'
import { adminPages, type ExplainQuestion } from '#admin/pages.ts'
import { AdminServer } from '#admin/server.ts'
import type { CompileOptions } from '#compile/compile.ts'
import { explain, printExplanation } from '#compile/explain.ts'
import { backendFigures, type BackendReport, backendReports } from '#control/backend.ts'
import { askResponder } from '#control/responder.ts'
import { Stapler } from '#control/stapler.ts'
import type { Turn } from '#control/loop.ts'
import { ControlLoop } from '#control/loop.ts'
import { controlFamilies } from '#control/report.ts'
import { backendsView, certificatesView, overviewView, problemsView, routesView } from '#control/views.ts'
import { systemClock } from '#discovery/clock.ts'
import { createDiscovery } from '#discovery/engine.ts'
import type { Discovery } from '#discovery/discovery.ts'
import { HealthGate } from '#health/gate.ts'
import { probeOnce } from '#health/probe-once.ts'
import { createDefaultCertificate } from '#listener/default-certificate.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Problem } from '#resource/problem.ts'
import type { DiscoveryMode, EndpointSet, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { DocumentState, Source } from '#source/source.ts'
import { Exposition } from '#telemetry/exposition.ts'
import type { Log } from '#telemetry/log.ts'
import type { MetricFamily } from '#telemetry/metric.ts'
import type { TracingSettings } from '#telemetry/tracing-settings.ts'
import { createCounters } from '#worker/counters.ts'
import { type AffinityKeySource, readAffinityKey } from '#worker/affinity-key.ts'
import type { PoolPorts, SharedSettings } from '#worker/pool.ts'
import { workerCount, WorkerPool } from '#worker/pool.ts'

/** Process settings: decoded once (cli/flags.ts) and passed as the object they are. Routing settings are resources. */
export type Settings = {
  readonly sources: readonly Source[]
  readonly log: Log
  /** Address to listen on; `::` is every address of both families. */
  readonly bind: string
  /** 0 picks a free port. */
  readonly httpPort: number
  readonly httpsPort: number
  /** When a wanted port cannot be bound: `fail`, or say why and take a free one (`genkan dev`). */
  readonly portConflict: 'fail' | 'free'
  /** `undefined` for no admin listener. */
  readonly admin: { readonly host: string; readonly port: number } | undefined
  /** `address:port` of DNS servers; empty to use those of the system. */
  readonly clusterDns: readonly string[]
  readonly clusterDomain: string
  /** How Service names are asked for: the Kubernetes form, the OpenShift `endpoints` form, or whichever answers. */
  readonly dnsForm: 'auto' | 'svc' | 'endpoints'
  readonly discovery: readonly DiscoveryMode[]
  readonly ingressClasses: readonly string[]
  readonly workers: number | 'auto'
  readonly lane: 'auto' | 'general'
  readonly compat: 'none' | 'ingress-nginx'
  /** `namespace/name` of the ConfigMap with ingress-nginx's global keys. */
  readonly configMap: string | undefined
  /** Names of the flags that somebody has given: they count before keys of that ConfigMap. Absent for none. */
  readonly givenFlags?: ReadonlySet<string>
  /** Who gets what no rule takes; absent for nobody. */
  readonly defaultBackend?: CompileOptions['defaultBackend']
  /** What becomes of snippets whose Ingress does not say it; absent for `none`. */
  readonly snippets?: CompileOptions['snippets']
  /** CIDRs of proxies whose forwarded fields are believed. */
  readonly trustedProxies: readonly string[]
  /** CIDRs of peers whose connections begin with a header of the PROXY protocol. */
  readonly proxyProtocol: readonly string[] | 'all'
  /** Send the standard `Forwarded` field (RFC 7239) too. */
  readonly forwardedField: boolean
  /** Put the cause code of a failure in the response field `x-genkan-cause`. */
  readonly exposeCause: boolean
  /** `-` is standard output. */
  readonly accessLog: 'off' | '-' | { readonly file: string }
  /** What the environment says of traces; absent: none are made. */
  readonly tracing?: TracingSettings | undefined
  readonly drainTimeoutMs: number
  readonly limits: Limits
  /** Where the key of session cookies comes from; absent for one of this process only. */
  readonly affinityKey?: AffinityKeySource
  /** For `externalTrafficPolicy: Local` with node ports. */
  readonly nodeName: string | undefined
  /** For discovery through `<NAME>_SERVICE_HOST`; usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether a stand-in listens there: it has none of a Pod's other ports, so its probes go to the one it has. */
  readonly isStandIn?: (place: { readonly address: string; readonly port: number }) => boolean
  /** A stand-in for the address of a Service; `undefined` for none. */
  readonly standInOf?: (upstream: UpstreamSpec) => { readonly address: string; readonly port: number } | undefined
  /** Called after every change that has been applied, with what is live now. */
  readonly onTurn?: (turn: Turn) => void
}

/** The ports we really listen on; 0 where there is no such listener. */
export type Ports = { readonly http: number; readonly https: number; readonly admin: number }

/** A running front door. */
export interface Genkan {
  readonly ports: Ports
  /** Wanted ports that could not be had, with the reason and the port taken instead. */
  readonly moved: PoolPorts['moved']
  /** Resolves when everything the sources have said so far is compiled, discovered and applied by every worker. */
  settled(): Promise<void>
  /** Generation that every worker has applied; 0 before the first. */
  generation(): number
  problems(): readonly Problem[]
  documents(): readonly DocumentState[]
  /** What each worker has counted so far, dead ones included: the families of its metrics. */
  counts(): Promise<readonly (readonly MetricFamily[])[]>
  /** Read all sources again now. */
  reload(): void
  /** Stop accepting, finish what is in flight within the drain timeout, then close. Resolves with how many were cut. */
  drain(): Promise<number>
  /** Close everything now. */
  close(): Promise<void>
}

/**
 * Rejects with a sentence for people when an address cannot be bound. Resolves once everything the sources hold is
 * served (or reported), so that the first request is answered as the thousandth.
 */
export async function start(settings: Settings): Promise<Genkan> {
  const house = await build(settings)
  try {
    // First of all, so that whoever waits for this process can see it alive, and not ready yet.
    const admin = await house.admin?.listen().catch((error: unknown) => Promise.reject(adminError(settings, error)))
    const ports = await house.pool.start()
    await house.loop.start()
    return handle(house, settings, { ...ports, admin: admin ?? 0 })
  } catch (error) {
    await close(house)
    throw error
  }
}

type House = {
  readonly pool: WorkerPool
  readonly discovery: Discovery
  readonly health: HealthGate
  readonly loop: ControlLoop
  readonly admin: AdminServer | undefined
  readonly stapler: Stapler
  /** Session tickets get new keys, so that a key found in memory opens little of what was recorded. */
  readonly keyTurns: NodeJS.Timeout
  /** Set when traffic should go elsewhere: /readyz says so from then on. */
  draining: boolean
}

async function build(settings: Settings): Promise<House> {
  const { log } = settings
  const workers = workerCount(settings.workers)
  const pool = new WorkerPool({
    settings: await workerSettings(settings, workers),
    workers,
    seed: randomBytes(4).readInt32LE(),
    log,
    onSuspect: (upstream) => discovery.suspect(upstream),
    onOutcomes: (outcomes) => health.outcomes(outcomes),
  })
  const health = new HealthGate({
    clock: systemClock,
    random: Math.random,
    probe: probeOnce,
    onChange: (sets) => pool.endpoints(sets),
    log,
    ...(settings.isStandIn && { isStandIn: settings.isStandIn }),
  })
  const discovery = createDiscovery({
    onChange: (sets: readonly EndpointSet[]) => health.discovered(sets),
    log,
    now: systemClock.now,
    random: Math.random,
    servers: settings.clusterDns,
    clusterDomain: settings.clusterDomain,
    dnsForm: settings.dnsForm,
    nodeName: settings.nodeName,
    env: settings.env,
    ...(settings.standInOf && { standInOf: settings.standInOf }),
  })
  const { ingressClasses, compat, configMap, defaultBackend, snippets, discovery: modes, givenFlags } = settings
  const collector = settings.tracing?.endpoint !== undefined
  const rest = { collector, discovery: modes, ...(snippets && { snippets }), ...(givenFlags && { givenFlags }) }
  const options = { ingressClasses, compat, configMap, defaultBackend, ...rest }
  const loop = new ControlLoop({
    sources: settings.sources,
    options,
    discovery,
    health,
    pool,
    log,
    now: Date.now,
    onTurn: (turn) => {
      stapler.use(turn.snapshot)
      settings.onTurn?.(turn)
    },
  })
  const stapler = new Stapler({
    ask: askResponder,
    // Answers name times of the world, which `systemClock` misses when somebody corrects the system's.
    clock: { now: Date.now, setTimer: systemClock.setTimer },
    log,
    onChange: (staples) => pool.useStaples(staples),
  })
  const keyTurns = setInterval(() => pool.useTicketKeys(newTicketKeys()), ticketKeysMs).unref()
  const house: House = { pool, discovery, health, loop, stapler, keyTurns, admin: undefined, draining: false }
  return settings.admin === undefined ? house : withAdmin(house, settings.admin, log)
}

/** Half a day. */
const ticketKeysMs = 12 * 60 * 60 * 1_000

function newTicketKeys(): Uint8Array {
  return randomBytes(48)
}

async function workerSettings(settings: Settings, workers: number): Promise<SharedSettings> {
  const { accessLog } = settings
  const { key, warning } = await readAffinityKey(settings.affinityKey ?? { kind: 'process' })
  if (warning !== undefined) settings.log.warn(warning)
  return {
    bind: settings.bind,
    httpPort: settings.httpPort,
    httpsPort: settings.httpsPort,
    portConflict: settings.portConflict,
    trustedProxies: settings.trustedProxies,
    proxyProtocol: settings.proxyProtocol,
    forwardedField: settings.forwardedField,
    exposeCause: settings.exposeCause,
    lane: settings.lane,
    limits: settings.limits,
    affinityKey: key,
    ticketKeys: newTicketKeys(),
    counters: createCounters(workers),
    tracing: settings.tracing,
    accessLog: accessLog === 'off' ? undefined : accessLog === '-' ? 1 : accessLog.file,
    defaultCertificate: await createDefaultCertificate(new Date()),
  }
}

function withAdmin(house: House, address: { readonly host: string; readonly port: number }, log: Log): House {
  const { pool, discovery, health, loop, stapler } = house
  const backends = (): readonly BackendReport[] => backendReports(discovery, health)
  const exposition = new Exposition()
  const pages = adminPages({
    ready: () => readiness(complete),
    metrics: async () => {
      const { families, endpoints: uses, delays } = await pool.tallies()
      const known = {
        turn: loop.latest(),
        backends: backendFigures(discovery, health),
        uses,
        delays,
        pool,
        staples: stapler.counts(),
      }
      return exposition.print(families, controlFamilies(known))
    },
    overview: () => overviewView(loop.latest(), backends(), pool),
    routes: () => routesView(loop.latest()),
    backends: async () => backendsView(backends(), (await pool.tallies()).endpoints),
    problems: () => problemsView(loop.latest()),
    certificates: () => certificatesView(loop.latest()),
    explain: (question) => explainLive(complete, question),
  })
  const complete: House = { ...house, admin: new AdminServer({ ...address, pages, log }) }
  return complete
}

function readiness(house: House): { readonly ready: boolean; readonly reason: string } {
  if (house.draining) return { ready: false, reason: 'draining: no new traffic, please' }
  if (house.loop.latest() === undefined)
    return { ready: false, reason: 'starting: the first configuration is not applied yet' }
  const { serving, starting, waiting } = house.pool.states()
  const all = serving + starting + waiting
  if (serving === 0) return { ready: false, reason: `no worker serves: all ${all} are being started again` }
  return {
    ready: true,
    reason: `ready: generation ${house.pool.generation()} is applied, ${serving} of ${all} workers serve`,
  }
}

function explainLive(house: House, question: ExplainQuestion): unknown {
  const { loop, health, pool } = house
  const turn = loop.latest()
  if (turn === undefined) return undefined
  const explanation = explain({ compiled: turn.compiled, endpoints: health.described(), ...question })
  const { ready, reason } = readiness(house)
  const text = `${printExplanation(explanation)}\nfront door: ${reason}\n`
  return { ...explanation, generation: pool.generation(), ready, text }
}

function adminError(settings: Settings, error: unknown): Error {
  const { host, port } = settings.admin!
  const reason = error instanceof Error ? error.message : String(error)
  return new Error(
    `the admin address ${host}:${port} cannot be bound (${reason}): choose another with --admin HOST:PORT, or --admin off`,
  )
}

function handle(house: House, settings: Settings, ports: PoolPorts & { readonly admin: number }): Genkan {
  const { loop, pool } = house
  return {
    ports: { http: ports.http, https: ports.https, admin: ports.admin },
    moved: ports.moved,
    settled: () => loop.settled(),
    generation: () => pool.generation(),
    problems: () => loop.latest()?.problems ?? [],
    documents: () => loop.latest()?.documents ?? [],
    counts: async () => (await pool.tallies()).families,
    reload: () => settings.sources.forEach((source) => source.reload()),
    drain: async () => {
      house.draining = true
      const cut = await pool.drain(loop.latest()?.snapshot.door?.drainMs ?? settings.drainTimeoutMs)
      await close(house)
      return cut
    },
    close: () => close(house),
  }
}

async function close({ loop, discovery, health, pool, stapler, keyTurns, admin }: House): Promise<void> {
  clearInterval(keyTurns)
  loop.close()
  stapler.close()
  discovery.close()
  health.close()
  await Promise.all([pool.close(), admin?.close()])
}
