/**
 * Other names of hosts (`server-alias`): every route of the host answers under them too, whichever Ingress wrote it. Per
 * host the oldest Ingress that names any counts, as in ingress-nginx; a name that has rules of its own stays theirs.
 */
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import { objectName } from '#resource/resource.ts'
import type { CertificateSpec, TlsHostSpec } from '#snapshot/snapshot.ts'
import { covers } from './certificate.ts'
import type { Claim } from './claim.ts'
import { claimFrom } from './claim.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Plan } from './plan.ts'
import type { TlsSelection } from './tls-selection.ts'

/** Host by alias. `plans` in order of age. */
export type Aliases = ReadonlyMap<string, string>

export function aliasesOf(plans: readonly Plan[], problems: Problem[]): Aliases {
  if (plans.every(({ shaping }) => shaping.redirects.aliases.length === 0)) return new Map()
  const owned = new Set(plans.flatMap(({ claims }) => claims.map(({ host }) => host)))
  const aliases = new Map<string, string>()
  const chosen = new Map<string, Plan>()
  for (const plan of plans) {
    const names = plan.shaping.redirects.aliases
    if (names.length === 0) continue
    for (const host of new Set(plan.claims.map((claim) => claim.host))) {
      if (host === '') continue
      const first = chosen.get(host)
      if (first !== undefined && first !== plan) {
        say(plan, problems, {
          message: `${objectName(first.ingress)} gives ${host} its other names already`,
          instead: 'the older Ingress counts',
        })
        continue
      }
      chosen.set(host, plan)
      for (const name of names) {
        if (owned.has(name))
          say(plan, problems, { message: `${name} has rules of its own`, instead: `it is no other name of ${host}` })
        else if (aliases.has(name))
          say(plan, problems, {
            message: `${name} is another name of ${aliases.get(name)} already`,
            instead: `it is no other name of ${host}`,
          })
        else aliases.set(name, host)
      }
    }
  }
  return aliases
}

/** What belongs to claims, again under every other name of their hosts. */
export function withAliases<Item extends { readonly claim: Claim }>(
  items: readonly Item[],
  aliases: Aliases,
): readonly Item[] {
  if (aliases.size === 0) return items
  const names = Map.groupBy(aliases.keys(), (alias) => aliases.get(alias)!)
  return items.flatMap((item) => {
    const { claim } = item
    return [item, ...(names.get(claim.host) ?? []).map((host) => ({ ...item, claim: claimFrom({ ...claim, host }) }))]
  })
}

/** Names that come with a host have its certificate where that covers them; then they are encrypted like the host. */
export function withOtherNames(tls: TlsSelection, names: Aliases): TlsSelection {
  if (names.size === 0) return tls
  const byId = new Map(tls.certificates.map((each) => [each.id, each]))
  const certificates = new Map(tls.hosts.map(({ host, certificate }) => [host, byId.get(certificate)]))
  const added = [...names].flatMap(([name, host]) => certificateFor(name, certificates.get(host), tls))
  if (added.length === 0) return tls
  const hosts = [...tls.hosts, ...added].toSorted((a, b) => (a.host < b.host ? -1 : 1))
  return { ...tls, hosts, named: new Set([...tls.named, ...added.map(({ host }) => host)]) }
}

function certificateFor(
  name: string,
  certificate: CertificateSpec | undefined,
  { named }: TlsSelection,
): readonly TlsHostSpec[] {
  const usable = certificate !== undefined && !named.has(name) && covers(certificate.names, name)
  return usable ? [{ host: name, certificate: certificate.id }] : []
}

function say(
  { ingress }: Plan,
  problems: Problem[],
  what: { readonly message: string; readonly instead: string },
): void {
  problems.push(
    problemOf(ingress, {
      severity: 'warning',
      code: 'alias-taken',
      at: ['metadata', 'annotations', `${ingressNginx.prefix}server-alias`],
      ...what,
    }),
  )
}
