/** A request as a filter sees it, made of little. */
import type { ConnectionFacts, FilterContext } from '#policy/policy.ts'

export type AskedRequest = {
  readonly method?: string
  readonly target?: string
  readonly fields?: readonly string[]
  readonly address?: string
  readonly scheme?: 'http' | 'https'
  readonly host?: string
  /** Of an encrypted connection; absent: as `scheme` says, for `host`, asked for no certificate. */
  readonly tls?: ConnectionFacts['tls']
}

/** Sent as received: nothing is taken out or added. */
export function filterContext({
  method = 'GET',
  target = '/',
  fields = [],
  address = '192.0.2.1',
  scheme = 'http',
  host = 'a.test',
  tls = scheme === 'https' ? { serverName: host } : undefined,
}: AskedRequest = {}): FilterContext {
  const [path = '', query] = target.split('?')
  const all = ['Host', host, ...fields]
  return {
    client: { address, scheme, port: scheme === 'https' ? 443 : 80 },
    connection: { tls },
    received: { method, target, version: '1.1', fields: all },
    host,
    path,
    query: query === undefined ? '' : `?${query}`,
    sent: { method, target, fields: [...all] },
  }
}
