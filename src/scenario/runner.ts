/**
 * Runs a scenario: the real front door on free ports of loopback, with stand-ins behind it, one step after the other.
 */
import { dirname } from 'node:path'
import { type DnsServer, startDnsServer } from '#cluster/dns-server.ts'
import { Zone } from '#cluster/zone.ts'
import { decodeFlags } from '#cli/flags.ts'
import { doorFlags, type DoorFlags, toCompileOptions, toSettings } from '#cli/settings.ts'
import { compile } from '#compile/compile.ts'
import { printProblem } from '#resource/problem.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { MemorySource } from '#source/memory.ts'
import { silentLog } from '#telemetry/log.ts'
import { type Genkan, type Settings, start } from '../main.ts'
import { compareOutcomes, compareProblems, type Difference } from './compare.ts'
import type { CookieJar } from './cookie-jar.ts'
import { sendAll } from './request-step.ts'
import type { Scenario, Step } from './scenario.ts'
import { type Arrival, StubFleet } from './stub-fleet.ts'

/** Engines this build has. */
export const lanes = ['general', 'fast'] as const
export type Lane = (typeof lanes)[number]

export type StepResult = {
  readonly file: string
  readonly scenario: string
  readonly lane: Lane
  readonly line: number
  /** `GET https://shop.example/`, `apply`, … */
  readonly title: string
  readonly ok: boolean
  readonly differences: readonly Difference[]
}

export type RunInit = {
  readonly lane: Lane
  /** Text of the files and folders that the scenario names, by path. */
  readonly files: ReadonlyMap<string, string>
  /** Told of the front door behind the last step, before it is closed. */
  readonly onEnd?: (genkan: Genkan) => Promise<void>
}

/** Never rejects: a front door that does not start is a difference, too. */
export async function runScenario(scenario: Scenario, { lane, files, onEnd }: RunInit): Promise<readonly StepResult[]> {
  const { file, name } = scenario
  const result = (line: number, title: string, differences: readonly Difference[]): StepResult => ({
    file,
    scenario: name,
    lane,
    line,
    title,
    ok: differences.length === 0,
    differences,
  })
  const stage = new Stage(scenario, files)
  const results: StepResult[] = []
  try {
    await stage.open(lane)
    for (const step of scenario.steps) results.push(result(step.line, titleOf(step), await stage.perform(step)))
    await stage.end(onEnd)
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    results.push(result(1, 'the front door', [{ line: 1, expected: 'a front door that runs', found }]))
  } finally {
    await stage.close()
  }
  return results
}

class Stage {
  /** The manifests as written. */
  readonly #store: MemorySource
  readonly #fleet: StubFleet
  /** The same, led to stand-ins: what the front door sees. */
  readonly #led = new MemorySource()
  readonly #jars = new Map<string, CookieJar>()
  readonly #arrivals: Arrival[] = []
  readonly #flags: DoorFlags
  readonly #folder: string
  #genkan: Genkan | undefined
  #dns: DnsServer | undefined

  constructor(scenario: Scenario, files: ReadonlyMap<string, string>) {
    this.#flags = readFlags(scenario)
    this.#folder = dirname(scenario.file)
    this.#fleet = new StubFleet(scenario.stubs, (arrival) => this.#arrivals.push(arrival))
    this.#store = new MemorySource({ file: scenario.file })
    for (const [path, text] of files) this.#store.apply(text, path)
    this.#apply(scenario.manifests, scenario.manifestsLine)
  }

  async open(lane: Lane): Promise<void> {
    this.#dns = await startDnsServer({ zone: this.#zone(), host: '127.0.0.1', port: 0, log: silentLog })
    // Nothing that a scenario does may ask the network it happens to run in.
    const clusterDns =
      this.#flags.clusterDns.length > 0 ? this.#flags.clusterDns : [{ host: '127.0.0.1', port: this.#dns.port }]
    const surroundings = { sources: [this.#led], log: silentLog, portConflict: 'fail', env: {} } as const
    await this.#update()
    const flags = { ...this.#flags, clusterDns, lane: lane === 'fast' ? 'auto' : lane } as const
    const isStandIn: Settings['isStandIn'] = (place) => this.#fleet.isStandIn(place)
    const standInOf: Settings['standInOf'] = (upstream) => this.#fleet.standInOf(upstream)
    this.#genkan = await start({ ...(await toSettings(flags, surroundings)), isStandIn, standInOf })
    await this.#genkan.settled()
  }

  async perform(step: Step): Promise<readonly Difference[]> {
    switch (step.kind) {
      case 'request': {
        const { ports } = this.#genkan!
        const outcomes = await sendAll(step, {
          ports,
          folder: this.#folder,
          jars: this.#jars,
          arrivals: this.#arrivals,
        })
        return compareOutcomes(step.expect, outcomes)
      }
      case 'apply':
        this.#apply(step.manifests, step.line + 1)
        return this.#live()
      case 'delete':
        return this.#delete(step.object)
          ? this.#live()
          : [{ line: step.line, expected: `an object ${step.object}`, found: this.#objects() }]
      case 'stub':
        this.#fleet.change(step.byPort)
        return this.#live()
      case 'wait':
        await new Promise((resolve) => setTimeout(resolve, step.ms))
        return []
      case 'problems':
        return compareProblems(step.problems, step.line, this.#problems())
    }
  }

  async end(onEnd: RunInit['onEnd']): Promise<void> {
    await onEnd?.(this.#genkan!)
  }

  async close(): Promise<void> {
    await this.#genkan?.close()
    await this.#fleet.close()
    await this.#dns?.close()
  }

  async #live(): Promise<readonly Difference[]> {
    await this.#update()
    await this.#genkan!.settled()
    return []
  }

  async #update(): Promise<void> {
    const { resources } = this.#store.current()
    const led = await this.#fleet.lead(resources, this.#compiled().snapshot.upstreams)
    this.#dns?.use(this.#zone())
    this.#led.replace(led)
  }

  /** Blank lines in front move every document to where it stands in the scenario. */
  #apply(text: string, line: number): void {
    this.#store.apply(`${'\n'.repeat(line - 1)}${text}`)
  }

  /** A namespace that is not written is `default`. */
  #delete(object: string): boolean {
    const [kind, name = ''] = object.split(' ')
    return this.#store.delete(object) || (!name.includes('/') && this.#store.delete(`${kind} default/${name}`))
  }

  #objects(): string {
    return this.#store
      .current()
      .documents.flatMap(({ object }) => object ?? [])
      .join(', ')
  }

  /** Of the manifests as written, without what leads to stand-ins: what `genkan check` would say. */
  #problems(): { severity: string; object: string | undefined; text: string }[] {
    const problems = [...this.#store.current().problems, ...this.#compiled().problems]
    return problems.map((problem) => ({
      severity: problem.severity,
      object: problem.object,
      text: printProblem(problem),
    }))
  }

  #compiled(): ReturnType<typeof compile> {
    return compile(new ResourceSet(this.#store.current().resources), toCompileOptions(this.#flags, Date.now()))
  }

  #zone(): Zone {
    return new Zone({
      resources: new ResourceSet(this.#store.current().resources),
      clusterDomain: this.#flags.clusterDomain,
    })
  }
}

/** What a scenario cannot set; decode.ts says so to those who try. */
const own = { 'http-port': '0', 'https-port': '0', admin: 'off', 'access-log': 'off', 'expose-cause': 'true' }

function readFlags({ flags, steps }: Scenario): DoorFlags {
  const usesIpv6 = steps.some((step) => step.kind === 'request' && step.from?.includes(':'))
  const given = new Map(
    Object.entries({ workers: '1', ...Object.fromEntries(flags), ...own, bind: usesIpv6 ? '::' : '127.0.0.1' }),
  )
  const { values, problems } = decodeFlags({ keys: doorFlags, given, env: {} })
  // decode.ts has decoded each of them before.
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return values
}

function titleOf(step: Step): string {
  if (step.kind === 'request')
    return `${step.method} ${step.scheme}://${step.authority}${step.target}${step.times > 1 ? ` (${step.times} times)` : ''}`
  return step.kind === 'delete' ? `delete ${step.object}` : step.kind
}
