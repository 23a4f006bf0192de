/**
 * Several claims of one host and path → the one that becomes a route. What was written as a rule goes before what only
 * stands in for something; among equals the oldest object wins (route/precedence.ts), so the result never depends on
 * the order in which objects arrive.
 */
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import { objectName } from '#resource/resource.ts'
import type { Claim } from './claim.ts'

export type Loss = { readonly claim: Claim; readonly winner: Claim; readonly reason: string }
export type Outcome = { readonly winners: readonly Claim[]; readonly losses: readonly Loss[] }

/** `claims` in order of age, those of one object in the order written. */
export function contest(claims: readonly Claim[], problems: Problem[]): Outcome {
  const first = new Map<string, Claim>()
  for (const claim of claims) {
    const other = first.get(claim.key)
    if (other === undefined || rank[claim.standing] < rank[other.standing]) first.set(claim.key, claim)
  }
  if (first.size === claims.length) return { winners: claims, losses: [] }
  const losses: Loss[] = []
  for (const claim of claims) {
    const winner = first.get(claim.key)
    if (winner === undefined || winner === claim) continue
    const reason = reasonOf(claim, winner)
    losses.push({ claim, winner, reason })
    // A default backend that gives way to a rule, or two expressions with one literal beginning, are no conflict.
    if (claim.standing === winner.standing && claim.standing !== 'pattern')
      reportConflict(claim, { winner, reason, problems })
  }
  return { winners: [...first.values()], losses }
}

const rank = { guard: 0, rule: 1, pattern: 2, answer: 3, fallback: 4 } as const satisfies Record<
  Claim['standing'],
  number
>

/** `Prefix /cart of shop.test` */
export function describeClaim({ host, path }: Claim): string {
  return `${{ exact: 'Exact', prefix: 'Prefix', regex: 'Regex' }[path.kind]} ${path.value} of ${host === '' ? 'every host' : host}`
}

function reasonOf(claim: Claim, winner: Claim): string {
  if (claim.standing === 'fallback' && winner.standing !== 'fallback') return 'a default backend gives way to a rule'
  if (winner.standing === 'guard')
    return 'a protected regular expression that cannot be matched claims everything it could mean'
  if (claim.standing === 'answer' && winner.standing !== 'answer')
    return 'an answer to every request gives way to a rule'
  if (claim.standing !== winner.standing) return 'what a regular expression could mean gives way to a plain rule'
  if (claim.ingress === winner.ingress) return 'the same Ingress has this host and path already'
  const name = objectName(winner.ingress)
  const age = winner.ingress.metadata.creationTimestamp
  if (age === claim.ingress.metadata.creationTimestamp)
    return `${name} comes first by namespace and name, and neither is older`
  return `${name} is older`
}

function reportConflict(
  claim: Claim,
  { winner, reason, problems }: { readonly winner: Claim; readonly reason: string; readonly problems: Problem[] },
): void {
  const place = winner.ingress.origin.locate(winner.at)
  const message = `${describeClaim(claim)} belongs to ${objectName(winner.ingress)} (${place.file}:${place.line}:${place.column}) already: ${reason}`
  const at = claim.standing === 'rule' ? [...claim.at, 'path'] : claim.at
  problems.push(
    problemOf(claim.ingress, {
      severity: 'warning',
      code: 'path-conflict',
      at,
      message,
      instead: 'this one is not served',
    }),
  )
}
