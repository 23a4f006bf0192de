/**
 * Endpoints from the variables a kubelet gives every container: `<NAME>_SERVICE_HOST`, `<NAME>_SERVICE_PORT` and
 * `<NAME>_SERVICE_PORT_<PORT>`. The name is upper-cased and its dashes become underscores.
 *
 * They name Services of the process's own namespace only (`POD_NAMESPACE`, else `default`), they are as old as the
 * process, and the address is the Service's, not a Pod's: a last resort.
 */
import type { UpstreamSpec } from '#snapshot/snapshot.ts'
import { canonicalAddress } from './address.ts'
import type { Answer } from './answer.ts'
import { answerOf, endpointAt, none } from './answer.ts'
import type { Folder } from './folder.ts'
import { printPort, servicePortOf } from './folder.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export function answerFromEnvironment(folder: Folder, upstream: UpstreamSpec, env: Environment): Answer {
  const own = env['POD_NAMESPACE'] ?? 'default'
  if (upstream.namespace !== own) return none(`variables only name Services of the namespace ${own}`)
  const prefix = `${variableName(upstream.service)}_SERVICE`
  const host = env[`${prefix}_HOST`]
  if (host === undefined) return none(`no variable ${prefix}_HOST`)
  const address = canonicalAddress(host)
  if (address === undefined) return none(`${prefix}_HOST is no IP address: ${JSON.stringify(host)}`)
  const port = portFrom(folder, upstream, { env, prefix })
  if (port === undefined) return none(`no variable gives ${upstream.service} a port ${printPort(upstream.port)}`)
  return answerOf([endpointAt({ address, port })], `${prefix}_HOST`)
}

type Variables = { readonly env: Environment; readonly prefix: string }

/**
 * A named port has its own variable. A number must be one of the Service's ports, so that a route's mistake is no
 * connection to somebody else's port.
 */
function portFrom(folder: Folder, upstream: UpstreamSpec, { env, prefix }: Variables): number | undefined {
  const service = folder.service(upstream.namespace, upstream.service)
  const known = service === undefined ? undefined : servicePortOf(service, upstream.port)
  const ref = known === undefined ? upstream.port : ({ kind: 'number', number: known.port } as const)
  if (ref.kind === 'name') return portNumber(env[`${prefix}_PORT_${variableName(ref.name)}`])
  const variables = Object.keys(env).filter((name) => name === `${prefix}_PORT` || name.startsWith(`${prefix}_PORT_`))
  return variables.some((name) => portNumber(env[name]) === ref.number) ? ref.number : undefined
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_')
}

function portNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined
  const number = Number(text)
  return number >= 1 && number <= 65_535 ? number : undefined
}
