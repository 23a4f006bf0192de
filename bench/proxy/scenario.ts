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
  /** Bodies of any length in both directions, passed on as they come. */
  readonly streams: boolean
  /** WebSockets are let through. */
  readonly webSockets: boolean
}

/** What is sent. */
export type Load = {
  /**
   * What is counted: requests; TLS 1.3 handshakes on connections of their own, full or resumed; messages of a WebSocket,
   * each sent when the one before has come back.
   */
  readonly per: 'request' | 'handshake' | 'resumption' | 'message'
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

export const plain: Setup = {
  rules: 1,
  workers: 1,
  rateLimit: false,
  sticky: false,
  accessLog: false,
  tls: false,
  streams: false,
  webSockets: false,
}
const smallGet: Load = {
  per: 'request',
  clients: 64,
  method: 'GET',
  path: '/small',
  body: Buffer.alloc(0),
  answerBytes: 64,
  protocol: 'http',
}
const post: Partial<Load> = { method: 'POST', path: '/post', body: Buffer.from(randomBytes(5_120).toString('hex')) }

/** Of the largest bodies. */
export const hugeBytes = 100 * 1_048_576
const mebibyte: Partial<Load> = { method: 'POST', path: '/post', body: Buffer.alloc(1_048_576, 'x') }
const hugeUpload: Partial<Load> = { method: 'POST', path: '/post', body: Buffer.alloc(hugeBytes, 'x') }
const handshake: Partial<Load> = { protocol: 'https', clients: 16 }

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
  scenario('upload', 'POST of 1 MiB, 16 clients', { streams: true }, { ...mebibyte, clients: 16 }),
  scenario(
    'huge',
    'GET of 100 MiB, 2 clients',
    { streams: true },
    { clients: 2, path: '/huge', answerBytes: hugeBytes },
  ),
  scenario('huge-upload', 'POST of 100 MiB, 2 clients', { streams: true }, { ...hugeUpload, clients: 2 }),
  scenario('https', 'Small GET over HTTPS/1.1', { tls: true }, { protocol: 'https' }),
  scenario('http2', 'Small GET over HTTP/2, 8 connections with 8 streams each', { tls: true }, { protocol: 'h2' }),
  scenario('http2-post', 'POST of 10 KiB over HTTP/2', { tls: true }, { ...post, protocol: 'h2' }),
  scenario(
    'http2-large',
    'GET of 1 MiB over HTTP/2, 8 connections with 2 streams each',
    { tls: true },
    { clients: 16, path: '/large', answerBytes: 1_048_576, protocol: 'h2' },
  ),
  scenario(
    'http2-upload',
    'POST of 1 MiB over HTTP/2, 8 connections with 2 streams each',
    { tls: true, streams: true },
    { ...mebibyte, clients: 16, protocol: 'h2' },
  ),
  scenario(
    'handshakes',
    'Full TLS 1.3 handshakes, X25519, 16 clients',
    { tls: true },
    { ...handshake, per: 'handshake' },
  ),
  scenario('resumptions', 'Resumed TLS 1.3 handshakes, 16 clients', { tls: true }, { ...handshake, per: 'resumption' }),
  scenario(
    'websocket',
    'Messages of 64 bytes over 64 WebSockets, there and back',
    { webSockets: true },
    { per: 'message' },
  ),
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
