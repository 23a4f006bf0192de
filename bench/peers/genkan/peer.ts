/**
 * Genkan itself, once for each lane. Metrics are always on: they cannot be switched off.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from '../../proxy/ask.ts'
import type { Child, Children } from '../../proxy/children.ts'
import { listeners } from '../../proxy/listeners.ts'
import type { Launch, Peer, Place, Presence, Values } from '../../proxy/peer.ts'
import { fillFile, valuesOf } from '../../proxy/peer.ts'
import { freePorts, until } from '../../proxy/wait.ts'
import { generationHost, plain } from '../../proxy/scenario.ts'

type LaneFlag = 'auto' | 'general'

const root = join(import.meta.dirname, '..', '..', '..')
const ingressesPerFile = 100

export const genkanGeneral: Peer = { ...genkan('general'), name: 'Genkan general lane' }
export const genkanFast: Peer = { ...genkan('auto'), name: 'Genkan', find: findFastLane }

function genkan(lane: LaneFlag): Omit<Peer, 'name'> {
  return {
    find: () => Promise.resolve({ version: version() }),
    lacks: () => undefined,
    write,
    verify: verifyWorkers,
    launch: (place) => launch(place, lane),
    // It watches the folder; one file changes, as one would in a cluster.
    reload: writeChanging,
  }
}

function launch({ dir, http, https, admin, setup }: Place, lane: LaneFlag): Launch {
  const flags = {
    bind: '127.0.0.1',
    'http-port': http,
    'https-port': https,
    admin: `127.0.0.1:${admin}`,
    workers: setup.workers,
    lane,
    'access-log': setup.accessLog ? join(dir, 'access.log') : 'off',
    'log-level': 'warn',
  }
  const texts = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  return {
    command: process.execPath,
    args: [join(root, 'bin', 'genkan.js'), 'serve', join(dir, 'manifests'), ...texts],
  }
}

/** Every worker listens for itself. */
function verifyWorkers({ http, setup }: Place): string | undefined {
  const count = listeners(http)
  return count === undefined || count === setup.workers
    ? undefined
    : `this build runs ${count} of ${setup.workers} workers`
}

function write(place: Place): void {
  const { dir, setup, certificate } = place
  const folder = join(dir, 'manifests')
  mkdirSync(folder, { recursive: true })
  const values = ownValues(place)
  writeFileSync(join(folder, 'services.yaml'), fillFile('genkan', 'services.yaml', values))
  if (setup.tls) {
    const [chainBase64, keyBase64] = [certificate.chain, certificate.key].map((path) =>
      readFileSync(path).toString('base64'),
    )
    writeFileSync(
      join(folder, 'secret.yaml'),
      fillFile('genkan', 'secret.yaml', { chainBase64: chainBase64!, keyBase64: keyBase64! }),
    )
  }
  const rules = place.hosts.map((host, index) => ({ host, index }))
  for (let at = 0; at < rules.length; at += ingressesPerFile) {
    const hosts = rules.slice(at, at + ingressesPerFile)
    writeFileSync(join(folder, `ingress-${at}.yaml`), fillFile('genkan', 'ingress.yaml', { ...values, hosts }))
  }
  if (place.changing) writeChanging(place)
}

function writeChanging(place: Place): void {
  const hosts = [{ host: generationHost(place.generation), index: 'changing' }]
  // Written beside the folder and moved in, so that nobody reads half of it.
  writeFileSync(join(place.dir, 'changing.next'), fillFile('genkan', 'ingress.yaml', { ...ownValues(place), hosts }))
  renameSync(join(place.dir, 'changing.next'), join(place.dir, 'manifests', 'changing.yaml'))
}

function ownValues(place: Place): Values {
  const { rateLimit, sticky, streams } = place.setup
  return { ...valuesOf(place, generationHost(place.generation)), annotated: rateLimit || sticky || streams }
}

function version(): string {
  // npm demands that a package says its version.
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
}

/** Only a request can tell whether this build has a fast lane: the access log names the lane. */
async function findFastLane(children: Children): Promise<Presence> {
  const dir = mkdtempSync(join(tmpdir(), 'genkan-bench-lane-'))
  let child: Child | undefined
  try {
    const [http = 0, https = 0, admin = 0] = await freePorts(3)
    const setup = { ...plain, accessLog: true }
    const none = { chain: '', key: '', both: '' }
    const place: Place = {
      dir,
      http,
      https,
      admin,
      origins: [http],
      hosts: ['lane.bench.test'],
      certificate: none,
      setup,
      generation: 0,
      changing: false,
    }
    write(place)
    child = children.start(launch(place, 'auto'), [0])
    await until(
      'the front door opens',
      20_000,
      async () => (await ask({ port: http, host: 'nobody.test', path: '/' }))?.status === 404,
    )
    const lane = await until('a line in the access log', 5_000, () =>
      Promise.resolve(/"lane":"(\w+)"/.exec(readFileSync(join(dir, 'access.log'), 'utf8'))?.[1]),
    )
    return lane === 'fast'
      ? { version: version() }
      : { missing: `the ${lane} lane serves with --lane auto in this build` }
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) }
  } finally {
    await child?.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
