/**
 * What is measured: how the proxies are set up, and what is asked of them. Every peer gets the same of both.
 */
import { randomBytes } from 'node:crypto'

/** What a proxy's configuration must do. */
export type Setup = {
  /** Hosts, each an Ingress, a server block or whatever the peer has for it. */
  readonly rules: number
  readonly workers: number
  /** A rate limit per client address, far above what is sent, so that every request is counted and none refused. */
  readonly rateLimit: boolean
  /** Two endpoints, sessions bound to one of them by a cookie. */
  readonly sticky: boolean
  /** A line of JSON per request (or the peer's own form) into a file. */
  readonly accessLog: boolean
  readonly tls: boolean
}

/** What is sent. */
export type Load = {
  readonly clients: number
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Sent with POST. */
  readonly body: Buffer
  /** What must come back, by length; the check compares every byte. */
  readonly answerBytes: number
  readonly protocol: 'http' | 'https' | 'h2'
}

export type Scenario = {
  readonly name: string
  readonly title: string
  readonly setup: Setup
  readonly load: Load
  /** Configuration changes per second while the load runs; measured once without and once with them. */
  readonly reloadsPerSecond: number
}

const plain: Setup = { rules: 1, workers: 1, rateLimit: false, sticky: false, accessLog: false, tls: false }
const smallGet: Load = {
  clients: 64,
  method: 'GET',
  path: '/small',
  body: Buffer.alloc(0),
  answerBytes: 64,
  protocol: 'http',
}
const post: Partial<Load> = { method: 'POST', path: '/post', body: Buffer.from(randomBytes(5_120).toString('hex')) }

export const scenarios: readonly Scenario[] = [
  scenario('small', 'Small GET: 64 bytes, 64 clients'),
  scenario('rules', 'Small GET, 10,000 Ingress rules loaded', { rules: 10_000 }),
  scenario('limits', 'Small GET, rate limit and sticky cookie on', { rateLimit: true, sticky: true }),
  scenario('log', 'Small GET, access log on', { accessLog: true }),
  scenario('guarded', 'Small GET, rate limit, sticky cookie and access log on', {
    rateLimit: true,
    sticky: true,
    accessLog: true,
  }),
  scenario('post', 'POST of 10 KiB', {}, post),
  scenario('large', 'GET of 1 MiB, 16 clients', {}, { clients: 16, path: '/large', answerBytes: 1_048_576 }),
  scenario('https', 'Small GET over HTTPS/1.1', { tls: true }, { protocol: 'https' }),
  scenario('http2', 'Small GET over HTTP/2, 8 connections with 8 streams each', { tls: true }, { protocol: 'h2' }),
  {
    ...scenario('reload', 'Small GET, 1,000 rules, a changed configuration every half second', { rules: 1_000 }),
    reloadsPerSecond: 2,
  },
  scenario('workers', 'Small GET, 2 workers', { workers: 2 }),
]

/** The hosts of a set-up; the same ones on every run. */
export function hostsOf({ rules }: Setup): string[] {
  return Array.from({ length: rules }, (_, index) => `svc-${index}.team-${index % 97}.bench.test`)
}

/** Those that are asked for: spread over all, and not so many that the driver becomes slow. */
export function askedHosts(hosts: readonly string[], most = 1_000): string[] {
  const step = Math.ceil(hosts.length / most)
  return hosts.filter((_, index) => index % step === 0)
}

/** A rule that comes with the n-th configuration and goes with the next. */
export function generationHost(generation: number): string {
  return `generation-${generation}.bench.test`
}

function scenario(name: string, title: string, setup: Partial<Setup> = {}, load: Partial<Load> = {}): Scenario {
  return { name, title, setup: { ...plain, ...setup }, load: { ...smallGet, ...load }, reloadsPerSecond: 0 }
}
