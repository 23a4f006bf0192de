/**
 * Choosing an endpoint: each way to balance, and sessions by cookie from the request's fields to the endpoint.
 */
import type { AffinitySpec, BalanceSpec, EndpointSet, EndpointSpec } from '#snapshot/snapshot.ts'
import { endpointAt } from '#discovery/answer.ts'
import { affinityKeyBytes, SessionSeal } from '#upstream/session.ts'
import type { Asker } from '#upstream/upstream.ts'
import { Upstream } from '#upstream/upstream.ts'
import type { Bench, Sample } from '../run.ts'
import { measureStretch } from './stopwatch.ts'

type Way = {
  readonly balance: BalanceSpec
  readonly affinity?: AffinitySpec
  /** No request brings a cookie: every one gets a new one. */
  readonly anew?: true
}

const id = 'default/web:80'
const sizes = [10, 1_000]
const roundRobin: BalanceSpec = { kind: 'roundRobin' }
const ways: Readonly<Record<string, Way>> = {
  'round robin': { balance: roundRobin },
  'least request': { balance: { kind: 'leastRequest' } },
  EWMA: { balance: { kind: 'ewma' } },
  'hash of the client': { balance: { kind: 'ringHash', key: [{ kind: 'clientAddress' }] } },
  'client IP session': { balance: roundRobin, affinity: { kind: 'clientIP', timeoutMs: 1_000_000 } },
  'cookie, balanced': { balance: roundRobin, affinity: { kind: 'cookie', mode: 'balanced', cookieName: 'bench' } },
  'cookie, persistent': { balance: roundRobin, affinity: { kind: 'cookie', mode: 'persistent', cookieName: 'bench' } },
  'new cookie, balanced': {
    balance: roundRobin,
    affinity: { kind: 'cookie', mode: 'balanced', cookieName: 'bench' },
    anew: true,
  },
  'new cookie, persistent': {
    balance: roundRobin,
    affinity: { kind: 'cookie', mode: 'persistent', cookieName: 'bench' },
    anew: true,
  },
}

export const balancing: Bench = {
  name: 'balancing',
  title: 'Choosing an endpoint, per request',
  file: import.meta.filename,
  rounds: 3,
  cases: sizes.flatMap((size) =>
    Object.keys(ways).map((way) => ({
      labels: { endpoints: size.toLocaleString('en-US'), way },
      group: `${way} ${size}`,
      args: [String(size), way],
    })),
  ),
  metrics: [
    { name: 'nanoseconds', title: 'CPU ns', digits: 0 },
    { name: 'allocatedBytes', title: 'allocated', digits: 0 },
  ],
  conclude: () => ['a cookie has been seen before, as all but the first of a session have'],
}

/** Runs in a fresh process: `balancing.ts <endpoints> <way>`. */
function measureCase(size: number, name: string): Sample {
  const { balance, affinity, anew } = ways[name]!
  const seal = new SessionSeal(new Uint8Array(affinityKeyBytes))
  const upstream = new Upstream(id, { now: Date.now, random: Math.random, seal })
  upstream.configure({ protocol: 'http', balance, ...(affinity === undefined ? {} : { affinity }) }, 1_024)
  upstream.update(setOf(size))
  const asker = askerOf()
  const session = affinity?.kind === 'cookie' ? upstream.bind(asker, [], affinity.mode)?.session : undefined
  const fields =
    session === undefined
      ? asker.received.fields
      : [...asker.received.fields, 'Cookie', `theme=dark; bench=${seal.seal(session)}`]
  const choose = (): EndpointSpec | undefined => {
    if (session === undefined) return upstream.pick(asker, [])?.spec
    if (anew === true) {
      const bound = upstream.bind(asker, [], session.mode)
      return bound && seal.seal(bound.session) !== '' ? bound.endpoint.spec : undefined
    }
    const opened = seal.open(fields, 'bench', id)
    return opened && upstream.bound(opened)?.spec
  }
  let chosen = 0
  const { nanoseconds, allocatedBytes } = measureStretch((count) => {
    for (let i = 0; i < count; i += 1) chosen = (chosen + (choose()?.port ?? NaN)) | 0
  })
  if (choose() === undefined) throw new Error(`${name}: nobody was chosen`)
  return { check: chosen === 0 ? 'nobody' : 'somebody', metrics: { nanoseconds, allocatedBytes } }
}

function setOf(size: number): EndpointSet {
  const endpoints = Array.from({ length: size }, (_, index) =>
    endpointAt({ address: `10.0.${index >> 8}.${index & 255}`, port: 8080 }),
  )
  return { upstream: id, state: 'live', mode: 'slices', endpoints }
}

function askerOf(): Asker {
  const fields = ['Host', 'shop.test', 'User-Agent', 'bench', 'Accept', '*/*']
  return {
    received: { method: 'GET', target: '/a', version: '1.1', fields },
    client: { address: '192.0.2.7', scheme: 'http' },
    host: 'shop.test',
    path: '/a',
    query: '',
  }
}

if (import.meta.main) {
  const [size = '', way = ''] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(measureCase(Number(size), way)))
}
