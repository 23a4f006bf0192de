/**
 * Claims that won → where each leads: its upstream and those it asks on the way, resolved and asked for.
 */
import { mapped, type Steps } from '#lib/slices.ts'
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { Ingress } from '#resource/resource.ts'
import { objectName } from '#resource/resource.ts'
import type { Claim } from './claim.ts'
import type { ClientAuths } from './client-auth.ts'
import type { Passthroughs } from './passthrough.ts'
import { asksForCredentials } from './guards.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Plan } from './plan.ts'
import type { Placement } from './route-spec.ts'
import type { Resolved, UpstreamList } from './upstream-list.ts'
import type { UpstreamWish } from './upstream-wish.ts'

type PlaceWorld = {
  readonly upstreams: UpstreamList
  /** Id of the process's default backend. */
  readonly defaultErrors: string | undefined
  readonly clientAuths: ClientAuths
  readonly passthroughs: Passthroughs
  readonly problems: Problem[]
}

/** Resolved even when closed, so that every mistake in a backend is reported at once; but nothing is asked of it then. */
export function* placeClaims(
  claims: readonly Claim[],
  plans: readonly Plan[],
  world: PlaceWorld,
): Steps<readonly Placement[]> {
  const { upstreams, clientAuths, passthroughs, problems } = world
  const askers = new Map(
    plans.map((plan, rank) => {
      const { ingress, wish } = plan
      return [ingress, { plan, asker: { ingress, wish, rank }, guest: { ingress, wish: noWish, rank } }]
    }),
  )
  return yield* mapped(claims, (claim) => {
    const { ingress, at, backend, standing } = claim
    // Every claim comes out of a plan, so the look-up cannot fail.
    const { plan, asker, guest } = askers.get(ingress)!
    const place = { at: () => (standing === 'fallback' ? at : [...at, 'backend']), asked: plan.wish.discovery?.value }
    const found: Resolved = backend === undefined ? unserved(claim) : upstreams.resolve(ingress, backend, place)
    const auth = placeAuth(claim, plan, { upstreams, problems })
    const reason =
      plan.closed ??
      clientAuths.closed(claim) ??
      passthroughs.closed(claim) ??
      (auth?.kind === 'unreachable' ? auth.reason : undefined)
    const resolved: Resolved = reason === undefined ? found : { kind: 'unreachable', reason }
    if (resolved.kind === 'upstream') upstreams.ask(resolved.id, asker)
    const isClosed = reason !== undefined
    const errors = isClosed || claim.answer !== undefined ? undefined : placeErrors(plan, world)
    const authId = isClosed || auth?.kind !== 'upstream' ? undefined : auth.id
    for (const id of [errors, authId]) if (id !== undefined) upstreams.ask(id, guest)
    return { claim, plan, resolved, canary: undefined, isClosed, auth: authId, errors }
  })
}

/** Id of the upstream that answers for errors; a default backend that no file describes is reported and left out. */
function placeErrors(
  { ingress, shaping }: Plan,
  { upstreams, defaultErrors, problems }: PlaceWorld,
): string | undefined {
  const { service: name, statuses } = shaping.errors
  if (name === undefined) {
    if (statuses.length > 0 && defaultErrors === undefined) reportNobody(ingress, problems)
    return statuses.length > 0 ? defaultErrors : undefined
  }
  const { namespace } = ingress.metadata
  const port = upstreams.firstPort(namespace, name)
  if (
    port === undefined &&
    !problems.some((each) => each.code === 'default-backend-unknown' && each.object === objectName(ingress))
  ) {
    const message = `no file describes the Service ${namespace}/${name}, so nobody knows its first port`
    const at = ['metadata', 'annotations', `${ingressNginx.prefix}default-backend`]
    problems.push(
      problemOf(ingress, {
        severity: 'warning',
        code: 'default-backend-unknown',
        at,
        message,
        instead: 'errors are passed on as they are',
      }),
    )
  }
  const resolved =
    port === undefined ? undefined : upstreams.resolveService({ namespace, name, port }, { resource: ingress, at: [] })
  return resolved?.kind === 'upstream' ? resolved.id : undefined
}

/** Once for each Ingress that asks for pages itself; a list for everybody says nothing of a single one. */
function reportNobody(ingress: Ingress, problems: Problem[]): void {
  const annotation = `${ingressNginx.prefix}custom-http-errors`
  if (ingress.metadata.annotations[annotation] === undefined) return
  const problem = problemOf(ingress, {
    severity: 'warning',
    code: 'no-error-pages',
    at: ['metadata', 'annotations', annotation],
    message:
      'custom-http-errors: there is neither a default-backend nor --default-backend-service to ask for the pages',
    instead: 'errors are passed on as they are; ingress-nginx answers 404 in their place',
  })
  if (!problems.some(({ code, object }) => code === problem.code && object === problem.object)) problems.push(problem)
}

/** Whom the rule asks for permission, when that is a Service; unreachable when asking would not be safe. */
function placeAuth(
  { host, path }: Claim,
  { guards }: Plan,
  { upstreams, problems }: { readonly upstreams: UpstreamList; readonly problems: Problem[] },
): Resolved | undefined {
  const wish = guards.externalAuth
  if (wish === undefined || !asksForCredentials(guards, path)) return undefined
  const { resource, at } = wish.scope
  if (wish.asksHost && host === '') {
    const message = 'auth-url asks the host that the client names, and a rule without a host lets it name any'
    problems.push(
      problemOf(resource, {
        severity: 'error',
        code: 'protection-not-possible',
        at: at('auth-url'),
        message,
        instead: 'the rule answers 503',
      }),
    )
    return { kind: 'unreachable', reason: message }
  }
  return wish.service && upstreams.resolveService(wish.service, { resource, at: at('auth-url') })
}

/** Of an upstream that is only asked on the way. */
const noWish: UpstreamWish = {}

function unserved({ refusal = 'its regular expression cannot be matched' }: Claim): Resolved {
  return { kind: 'unreachable', reason: refusal }
}
