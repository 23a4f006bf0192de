/**
 * Why a request goes where it goes: every route that could have had it, with the reason it did or did not win. Slow and
 * talkative where the table is fast and silent, and written apart from it; a test holds that they always agree.
 */
import type { RouteSpec } from '#snapshot/snapshot.ts'
import { pathPattern } from './path-pattern.ts'
import { byPath, bySpecificity } from './precedence.ts'

export type Candidate = {
  /** Index into the routes given. */
  readonly index: number
  readonly route: RouteSpec
  readonly outcome: 'wins' | 'loses'
  /** Half a sentence: `prefix /cart/items is longer`. */
  readonly because: string
}

export type MatchExplanation = {
  readonly host: string
  readonly path: string
  /** Host of the rules that alone decide, as the rules write it; `undefined` when no rule knows the host. */
  readonly owner: string | undefined
  /** Index into the routes given; -1 for none. Always what `RouteTable.match` answers. */
  readonly winner: number
  /** The winner, the owner's other routes, then those of hosts that come near; each group most specific first. */
  readonly candidates: readonly Candidate[]
  /** All other routes: their hosts have nothing to do with this request. */
  readonly others: { readonly routes: number; readonly hosts: number }
}

/** `host` and `path` are normalised, as for the table. */
export function explainMatch(routes: readonly RouteSpec[], host: string, path: string): MatchExplanation {
  const owner = [host, wildcardOf(host), ''].find((name) => name !== undefined && claims(routes, host, name))
  const winner = owner === undefined ? -1 : winnerOf(routes, owner, path)
  const candidates: Candidate[] = []
  const otherHosts = new Set<string>()
  for (const [index, route] of routes.entries()) {
    const outcome = index === winner ? 'wins' : 'loses'
    const because = whyPath(route, owner, { winner: routes[winner], path }) ?? whyHost(route.host, host, owner)
    if (because === undefined) otherHosts.add(route.host)
    else candidates.push({ index, route, outcome, because })
  }
  const rank = ({ index, route }: Candidate): number => (index === winner ? 0 : route.host === owner ? 1 : 2)
  candidates.sort((a, b) => rank(a) - rank(b) || bySpecificity(a.route, b.route) || a.index - b.index)
  const others = { routes: routes.length - candidates.length, hosts: otherHosts.size }
  return { host, path, owner, winner, candidates, others }
}

/** The only wildcard that covers this host: one label, no more and no less. */
function wildcardOf(host: string): string | undefined {
  const dot = host.indexOf('.')
  return dot > 0 ? `*${host.slice(dot)}` : undefined
}

/** A name that begins with a dot is no host, so no rule knows it. */
function claims(routes: readonly RouteSpec[], host: string, name: string): boolean {
  return (name !== host || !host.startsWith('.')) && routes.some((route) => route.host === name)
}

function winnerOf(routes: readonly RouteSpec[], owner: string, path: string): number {
  let winner = -1
  for (const [index, route] of routes.entries()) {
    if (route.host !== owner || !matchesPath(route, path)) continue
    const best = routes[winner]
    if (best === undefined || isStronger(route, best)) winner = index
  }
  return winner
}

/** Of equals the one that came first stays. */
function isStronger(route: RouteSpec, best: RouteSpec): boolean {
  return byPath(route.path, best.path) < 0
}

function matchesPath({ path: { kind, value } }: RouteSpec, path: string): boolean {
  if (kind === 'exact') return path === value
  if (kind === 'regex') return pathPattern(value).test(path)
  return value === '/' || path === value || path.startsWith(`${value}/`)
}

function whyItWins({ path: { kind, value } }: RouteSpec): string {
  if (kind === 'exact') return `the path is exactly ${value}`
  if (kind === 'regex') return `regular expression ${value} matches, and no longer rule does`
  if (value === '/') return 'prefix / takes every path that nothing longer takes'
  return `${value} is the longest prefix of the path`
}

type Verdict = { readonly winner: RouteSpec | undefined; readonly path: string }

/** `undefined` for a route of another host: its path was never asked. */
function whyPath(route: RouteSpec, owner: string | undefined, { winner, path }: Verdict): string | undefined {
  const { kind, value } = route.path
  if (route.host !== owner) return undefined
  if (route === winner) return whyItWins(route)
  if (kind === 'regex' && !matchesPath(route, path)) return `regular expression ${value} does not match the path`
  if (winner === undefined || !matchesPath(route, path)) {
    return kind === 'exact' ? `the path is not exactly ${value}` : `the path is not ${value} nor below it`
  }
  const { id, path: better } = winner
  if (kind === better.kind && value === better.value) return `${id} has the same host and path and comes first`
  if (better.kind === 'exact')
    return `exact path ${better.value} beats every ${kind === 'regex' ? 'regular expression' : 'prefix'}`
  return whyLonger(route.path, better)
}

function whyLonger({ kind, value }: RouteSpec['path'], better: RouteSpec['path']): string {
  const name = better.kind === 'regex' ? 'regular expression' : 'prefix'
  if (better.value.length > value.length)
    return `${name} ${better.value} is longer${better.kind === 'regex' ? ' as written' : ''}`
  if (kind === 'regex' && better.kind === 'prefix')
    return `prefix ${better.value} is as long, and goes before an expression`
  return `${name} ${better.value} is as long, and comes later in the alphabet`
}

/** `undefined` for a host that has nothing to do with the request. */
function whyHost(rule: string, host: string, owner: string | undefined): string | undefined {
  if (rule === '' || rule === wildcardOf(host)) return `host ${owner} is more specific, and its rules alone decide`
  if (!rule.startsWith('*.') || !`.${host}`.endsWith(rule.slice(1))) return undefined
  return `${rule} stands for exactly one label before ${rule.slice(2)}`
}
