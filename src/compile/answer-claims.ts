/**
 * Claims that no rule writes: they have no backend, for a policy answers all of their requests. `app-root` claims the
 * exact path / of its hosts, `from-to-www-redirect` the whole counterpart of its hosts. Both give way to rules.
 */
import { hostRedirect } from '#policy/host-redirect.ts'
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { Claim } from './claim.ts'
import { claimFrom } from './claim.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Plan } from './plan.ts'

export type AnswerOptions = { readonly redirectCode: number; readonly problems: Problem[] }

/** `plans` in order of age. */
export function answerClaims(plans: readonly Plan[], { redirectCode, problems }: AnswerOptions): readonly Claim[] {
  const asking = plans.filter(({ shaping: { redirects } }) => redirects.appRoot !== undefined || redirects.wwwRedirect)
  if (asking.length === 0) return []
  const taken = new Set(plans.flatMap(({ claims }) => claims.map(({ host }) => host)))
  return asking.flatMap((plan) => {
    const { appRoot, wwwRedirect } = plan.shaping.redirects
    const hosts = [...new Set(plan.claims.map(({ host }) => host))]
    const roots =
      appRoot === undefined || plan.closed !== undefined
        ? []
        : hosts
            .filter((host) => !ownsRoot(plan, host))
            .map((host) => answer(plan, { host, name: 'app-root', policy: appRoot, kind: 'exact' }))
    return wwwRedirect ? [...roots, ...wwwClaims(plan, hosts, { taken, redirectCode, problems })] : roots
  })
}

/** Hosts that are redirected, and the hosts they belong to. */
export function otherNames(claims: readonly Claim[]): ReadonlyMap<string, string> {
  return new Map(
    claims.filter(({ path }) => path.kind === 'prefix').map(({ host }) => [host, counterpart(host) ?? host]),
  )
}

/** Its own route for / has the redirect already. */
function ownsRoot({ claims }: Plan, host: string): boolean {
  return claims.some((claim) => claim.host === host && claim.path.value === '/' && claim.path.kind !== 'regex')
}

/** `www.shop.test` for `shop.test` and the other way; `undefined` where there is none. */
export function counterpart(host: string): string | undefined {
  if (host === '' || host.startsWith('*.')) return undefined
  const bare = host.startsWith('www.') ? host.slice(4) : `www.${host}`
  return bare.includes('.') || !host.startsWith('www.') ? bare : undefined
}

type Www = AnswerOptions & { readonly taken: ReadonlySet<string> }

function wwwClaims(plan: Plan, hosts: readonly string[], { taken, redirectCode, problems }: Www): readonly Claim[] {
  const name = 'from-to-www-redirect'
  return hosts.flatMap((host) => {
    const other = counterpart(host)
    if (other === undefined) return []
    if (!taken.has(other))
      return [
        answer(plan, { host: other, name, policy: hostRedirect.spec({ host, status: redirectCode }), kind: 'prefix' }),
      ]
    const message = `${other} has rules of its own`
    problems.push(
      problemOf(plan.ingress, {
        severity: 'warning',
        code: 'counterpart-taken',
        at: annotation(name),
        part: 'key',
        message,
        instead: `it is not redirected to ${host}`,
      }),
    )
    return []
  })
}

type Answer = {
  readonly host: string
  readonly name: string
  readonly policy: PolicySpec
  readonly kind: 'exact' | 'prefix'
}

function answer({ ingress }: Plan, { host, name, policy, kind }: Answer): Claim {
  return claimFrom({
    ingress,
    at: annotation(name),
    host,
    path: { kind, value: '/' },
    written: '/',
    standing: 'answer',
    backend: undefined,
    answer: policy,
  })
}

function annotation(name: string): readonly string[] {
  return ['metadata', 'annotations', ingressNginx.prefix + name]
}
