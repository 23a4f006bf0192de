/** What the listener must know of a server name before its handshake. */
import type {
  ClientAuthSpec,
  HostTlsSpec,
  PassthroughSpec,
  RouteSpec,
  ServerNameSpec,
  Snapshot,
} from '#snapshot/snapshot.ts'
import type { ClientAuths } from './client-auth.ts'

/** By host, but for `clientAuths`. */
export type Wishes = {
  readonly clientAuths: ClientAuths
  readonly tls: ReadonlyMap<string, HostTlsSpec>
  readonly passed: ReadonlyMap<string, PassthroughSpec>
}

/** Sorted by host and id. Nothing at all where no host asks for anything, so that nobody looks at names. */
export function handshakesOf(
  routes: readonly RouteSpec[],
  { clientAuths, tls, passed }: Wishes,
): Pick<Snapshot, 'serverNames' | 'clientAuths'> {
  if (clientAuths.isEmpty && tls.size + passed.size === 0) return { serverNames: [], clientAuths: [] }
  const used = new Map<string, ClientAuthSpec>()
  const asked = new Map<string, ServerNameSpec>()
  const hosts = [...new Set(routes.map(({ host }) => host))].toSorted()
  for (const host of hosts) {
    const passthrough = passed.get(host)
    const wish = clientAuths.wishOf(host)
    const authorities = wish === undefined || wish.rules.mode === 'off' ? undefined : wish.authorities
    const own = ownTls(tls.get(host))
    if (passthrough !== undefined) asked.set(host, { host, passthrough })
    else if (authorities !== undefined || own !== undefined) {
      const clientAuth = authorities === undefined ? {} : { clientAuth: authorities.id }
      asked.set(host, { host, ...clientAuth, ...(own === undefined ? {} : { tls: own }) })
      if (authorities !== undefined) used.set(authorities.id, authorities)
    }
  }
  const serverNames = hosts.flatMap((host): readonly ServerNameSpec[] => {
    const spec = asked.get(host)
    if (spec !== undefined) return [spec]
    const parent = host.indexOf('.') > 0 ? `*${host.slice(host.indexOf('.'))}` : ''
    return host !== '' && (asked.has('') || asked.has(parent)) ? [{ host }] : []
  })
  return { serverNames, clientAuths: [...used.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)) }
}

/** `undefined` where it says what holds for all hosts anyway. */
function ownTls(spec: HostTlsSpec | undefined): HostTlsSpec | undefined {
  return spec?.ciphers === undefined && spec?.ourOrder !== true ? undefined : spec
}
