/**
 * What policies add to a request: its filters called as the proxy calls them, on a context made anew each time. The
 * Ingresses are compiled from YAML, so that the chains are those that users get.
 */
import { compile as compileSnapshot } from '#compile/compile.ts'
import type { FilterContext } from '#policy/policy.ts'
import type { Route } from '#proxy/route.ts'
import { buildRuntime } from '#proxy/runtime.ts'
import { readDocuments } from '#resource/documents.ts'
import { ResourceSet } from '#resource/resource-set.ts'
import { UpstreamRegistry } from '#upstream/registry.ts'
import { affinityKeyBytes, SessionSeal } from '#upstream/session.ts'
import { filterEnv } from '../../test/support/filter-env.ts'
import type { Bench, CaseResult, Sample } from '../run.ts'
import { compileOptions } from '../../test/support/compile-options.ts'
import { measureStretch } from './stopwatch.ts'

const chains: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  none: {},
  'rate limit': { 'limit-rps': '1000000' },
  'limit of concurrency': { 'limit-connections': '1000' },
  CORS: { 'enable-cors': 'true', 'cors-allow-origin': 'https://shop.test' },
  'allowed addresses': { 'whitelist-source-range': '10.0.0.0/8,192.168.0.0/16,127.0.0.1' },
  rewrite: { 'rewrite-target': '/app$1' },
  'basic auth, SHA': { 'auth-type': 'basic', 'auth-secret': 'users' },
  'rate limit, CORS, addresses': {
    'limit-rps': '1000000',
    'enable-cors': 'true',
    'whitelist-source-range': '10.0.0.0/8,192.168.0.0/16,127.0.0.1',
  },
}

export const policies: Bench = {
  name: 'policies',
  title: 'Policies of a route, per request',
  file: import.meta.filename,
  rounds: 3,
  cases: Object.keys(chains).map((chain) => ({ labels: { policies: chain }, group: chain, args: [chain] })),
  metrics: [
    { name: 'nanoseconds', title: 'CPU ns', digits: 0 },
    { name: 'allocatedBytes', title: 'allocated', digits: 0 },
  ],
  conclude,
}

function conclude(results: readonly CaseResult[]): string[] {
  const bare = results[0]?.metrics['nanoseconds']?.median ?? NaN
  return [`${bare.toFixed(0)} ns of each are the context and the loop around them`]
}

/** Runs in a fresh process: `policies.ts <chain>`. */
function measureCase(chain: string): Sample {
  const route = routeWith(chains[chain]!)
  const first = serve(route)
  if (first !== 200) throw new Error(`${chain}: the request is answered with ${first}`)
  let sum = 0
  const { nanoseconds, allocatedBytes } = measureStretch((count) => {
    for (let i = 0; i < count; i += 1) sum = (sum + serve(route)) | 0
  })
  if (Number.isNaN(sum)) throw new Error('every request has a status')
  return { check: String(first), metrics: { nanoseconds, allocatedBytes } }
}

/** As proxy/proxy.ts goes through them; nothing here waits. */
function serve({ requestFilters, responseFilters, finishers }: Route): number {
  const fields = [
    'Host',
    'shop.test',
    'User-Agent',
    'bench',
    'Origin',
    'https://shop.test',
    'Authorization',
    authorization,
    'Accept',
    '*/*',
  ]
  const context: FilterContext = {
    connection: { tls: undefined },
    client: { address: '127.0.0.1', scheme: 'http', port: 80 },
    received: { method: 'GET', target: '/a/b', version: '1.1', fields },
    host: 'shop.test',
    path: '/a/b',
    query: '',
    sent: { method: 'GET', target: '/a/b', fields: [...fields] },
  }
  const head = { status: 200, reason: 'OK', fields: ['Content-Type', 'text/plain', 'Content-Length', '64'] }
  for (const filter of requestFilters) {
    const verdict = filter(context)
    if (verdict !== undefined) return 'status' in verdict ? verdict.status : 0
  }
  for (const filter of responseFilters) filter(context, head)
  for (const finish of finishers) finish?.(context)
  return head.status
}

const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`
/** SHA-1 of `secret`, the one hash of htpasswd that is meant to be quick. */
const users = Buffer.from('ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n').toString('base64')

function routeWith(annotations: Readonly<Record<string, string>>): Route {
  const lines = Object.entries(annotations).map(
    ([name, value]) => `    nginx.ingress.kubernetes.io/${name}: ${JSON.stringify(value)}`,
  )
  const path =
    'rewrite-target' in annotations
      ? '{ path: "/a(/.*)", pathType: ImplementationSpecific'
      : '{ path: /, pathType: Prefix'
  const yaml = `
apiVersion: v1
kind: Secret
metadata: { name: users }
data: { auth: ${users} }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ port: 80 }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    genkan.dev/none: ""
${lines.join('\n')}
spec:
  rules:
    - host: shop.test
      http: { paths: [${path}, backend: { service: { name: web, port: { number: 80 } } } }] }
`
  const { snapshot } = compileSnapshot(new ResourceSet(readDocuments(yaml, 'web.yaml').resources), compileOptions)
  const seal = new SessionSeal(new Uint8Array(affinityKeyBytes))
  const registry = new UpstreamRegistry({ now: Date.now, random: Math.random, seal })
  const route = buildRuntime(snapshot, registry, filterEnv({ now: Date.now })).match('shop.test', '/a/b')
  if (route?.upstream === undefined) throw new Error('the Ingress is not served')
  return route
}

if (import.meta.main) process.stdout.write(JSON.stringify(measureCase(process.argv[2] ?? '')))
