/**
 * Which hosts ask clients for certificates. As in ingress-nginx it is a matter of the whole host, and its oldest Ingress
 * decides; an Ingress that asks for something else there is not served under what it did not ask for.
 */
import { clientCertificate } from '#policy/client-certificate.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import { objectName } from '#resource/resource.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { Aliases } from './alias.ts'
import type { Claim } from './claim.ts'
import type { ClientAuthWish } from './ingress-nginx/client-certificates.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Plan } from './plan.ts'

export type ClientAuths = {
  /** Why the claim answers 503; `undefined` when nothing stands against it. */
  readonly closed: (claim: Claim) => string | undefined
  /** `redirects`: requests over http are redirected to https. */
  readonly policies: (claim: Claim, options: { readonly redirects: boolean }) => readonly PolicySpec[]
  /** What counts for a host; the same object for as long as its Ingress stays the same. */
  readonly wishOf: (host: string) => ClientAuthWish | undefined
  readonly isEmpty: boolean
}

/** `plans` in order of age. */
export function clientAuthsOf(plans: readonly Plan[], aliases: Aliases, problems: Problem[]): ClientAuths {
  const { byHost, losers } = contestHosts(plans, problems)
  for (const [alias, host] of aliases) {
    const chosen = byHost.get(host)
    if (chosen !== undefined) byHost.set(alias, chosen)
  }
  const wishOf = (host: string): ClientAuthWish | undefined => byHost.get(host)?.clientAuth.wish
  return {
    closed: ({ ingress, host }) => losers.get(ingress)?.get(host) ?? byHost.get(host)?.clientAuth.closed,
    policies: ({ host }, { redirects }) => {
      const wish = wishOf(host)
      if (wish === undefined) return []
      return [clientCertificate.spec({ auth: wish.authorities.id, ...wish.rules, redirects })]
    },
    wishOf,
    isEmpty: byHost.size === 0,
  }
}

type Contest = {
  /** Whose wish counts. */
  readonly byHost: Map<string, Plan>
  /** What another Ingress of the host asked for in vain. */
  readonly losers: Map<Plan['ingress'], Map<string, string>>
}

function contestHosts(plans: readonly Plan[], problems: Problem[]): Contest {
  const contest: Contest = { byHost: new Map(), losers: new Map() }
  for (const plan of plans) {
    const { wish, closed } = plan.clientAuth
    if (wish === undefined && closed === undefined) continue
    for (const host of new Set(plan.claims.map((claim) => claim.host))) {
      const first = contest.byHost.get(host)
      // One that can be used goes before an older one that cannot, as in ingress-nginx.
      if (first?.clientAuth.wish === undefined) {
        if (first === undefined || wish !== undefined) contest.byHost.set(host, plan)
      } else if (wish !== undefined) compareWishes({ plan, wish, first, host }, contest, problems)
    }
  }
  return contest
}

type Rivals = { readonly plan: Plan; readonly wish: ClientAuthWish; readonly first: Plan; readonly host: string }

function compareWishes({ plan, wish, first, host }: Rivals, { losers }: Contest, problems: Problem[]): void {
  const counted = first.clientAuth.wish!
  const name = host === '' ? 'every host' : host
  const message = `${objectName(first.ingress)} asks clients of ${name} for other certificates already`
  if (demands(wish) !== demands(counted)) {
    const known = losers.get(plan.ingress) ?? new Map<string, string>()
    losers.set(plan.ingress, known.set(host, message))
    say(plan, problems, {
      severity: 'error',
      message,
      instead: 'the older Ingress counts, and these routes answer 503',
    })
  } else if (manners(wish) !== manners(counted))
    say(plan, problems, {
      severity: 'warning',
      message: `${objectName(first.ingress)} says for ${name} where refused clients are sent and what endpoints get`,
      instead: 'the older Ingress counts',
    })
}

/** What decides who is let in. */
function demands({ authorities: { ca, crl }, rules: { mode, depth, subject } }: ClientAuthWish): string {
  return JSON.stringify([ca, crl, mode, depth, subject])
}

function manners({ rules: { errorPage, pass } }: ClientAuthWish): string {
  return JSON.stringify([errorPage, pass])
}

function say(
  { ingress }: Plan,
  problems: Problem[],
  init: Pick<ProblemInit, 'severity' | 'message' | 'instead'>,
): void {
  const at = ['metadata', 'annotations', `${ingressNginx.prefix}auth-tls-secret`]
  problems.push(problemOf(ingress, { code: 'client-certificates-conflict', at, part: 'key', ...init }))
}
