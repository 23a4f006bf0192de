/** How TLS is spoken on which hosts. As in ingress-nginx each annotation of the oldest Ingress of a host that has it counts. */
import type { Problem } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import { objectName } from '#resource/resource.ts'
import type { HostTlsSpec } from '#snapshot/snapshot.ts'
import type { Aliases } from './alias.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Plan } from './plan.ts'

/** By host; only those that ask for something. `plans` in order of age. */
export function hostTlsOf(
  plans: readonly Plan[],
  aliases: Aliases,
  problems: Problem[],
): ReadonlyMap<string, HostTlsSpec> {
  const contest: Contest = { byHost: new Map(), owners: new Map() }
  for (const plan of plans) {
    const keys = Object.keys(annotations).filter((key): key is Key => key in plan.hostTls)
    if (keys.length === 0) continue
    for (const host of new Set(plan.claims.map((claim) => claim.host)))
      for (const key of keys) take({ plan, host, key }, contest, problems)
  }
  for (const [alias, host] of aliases) {
    const chosen = contest.byHost.get(host)
    if (chosen !== undefined) contest.byHost.set(alias, chosen)
  }
  return contest.byHost
}

type Key = keyof HostTlsSpec
type Wish = { readonly plan: Plan; readonly host: string; readonly key: Key }
type Contest = {
  readonly byHost: Map<string, HostTlsSpec>
  /** By key and host. */
  readonly owners: Map<string, Plan>
}

const annotations: Readonly<Record<Key, string>> = { ciphers: 'ssl-ciphers', ourOrder: 'ssl-prefer-server-ciphers' }

function take({ plan, host, key }: Wish, { byHost, owners }: Contest, problems: Problem[]): void {
  const known = byHost.get(host)
  const first = owners.get(`${key} ${host}`)
  if (first === undefined) {
    owners.set(`${key} ${host}`, plan)
    byHost.set(host, { ...known, [key]: plan.hostTls[key] })
    return
  }
  if (known?.[key] === plan.hostTls[key]) return
  const name = annotations[key]
  problems.push(
    problemOf(plan.ingress, {
      severity: 'warning',
      code: 'host-tls-conflict',
      at: ['metadata', 'annotations', ingressNginx.prefix + name],
      message: `${name}: ${objectName(first.ingress)} says something else for ${host === '' ? 'every host' : host} already`,
      instead: 'the older Ingress counts',
    }),
  )
}
