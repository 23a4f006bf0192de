/**
 * Decoded flags → the Settings of a front door.
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isAbsolute, join } from 'node:path'
import { createLog, type Log } from '#telemetry/log.ts'
import type { CompileOptions } from '#compile/compile.ts'
import { defaultLimits, type Limits } from '#proxy/limits.ts'
import type { AffinityKeySource } from '#worker/affinity-key.ts'
import type { Settings } from '../main.ts'
import type { Io } from './command.ts'
import type { FlagKey, FlagValues } from './flags.ts'
import type { HostPort } from './grammar.ts'
import { readOtelVariables } from './otel-variables.ts'
import { UserError } from './user-error.ts'

// Every key of `defaultLimits` is one of Limits, so the cast cannot lie.
const limitKeys = Object.keys(defaultLimits) as (keyof Limits)[]

const logFlags = ['logLevel', 'logFormat'] as const satisfies readonly FlagKey[]
export const compileFlags = [
  'ingressClasses',
  'compat',
  'configMap',
  'defaultBackend',
  'allowSnippets',
  'discovery',
] as const satisfies readonly FlagKey[]

/** All that shapes a front door: what `serve`, `dev` and a scenario's `flags` take. */
export const doorFlags = [
  'httpPort',
  'httpsPort',
  'bind',
  'admin',
  'trustedProxies',
  'proxyProtocol',
  ...compileFlags,
  'clusterDns',
  'clusterDomain',
  'dnsForm',
  'nodeName',
  'forwarded',
  'exposeCause',
  'accessLog',
  'workers',
  'lane',
  'drainTimeout',
  'affinityKeyFile',
  'stateDir',
  ...logFlags,
  ...limitKeys,
] as const satisfies readonly FlagKey[]

export type DoorFlags = FlagValues<(typeof doorFlags)[number]>

/** What no flag says. */
export type Surroundings = Pick<Settings, 'sources' | 'log' | 'portConflict' | 'env'>

/** Looks up the DNS servers that are given by name. Throws UserError when one has no address. */
export async function toSettings(flags: DoorFlags, surroundings: Surroundings): Promise<Settings> {
  const { admin, accessLog, forwarded, drainTimeout } = flags
  const { tracing, problems } = readOtelVariables(surroundings.env)
  for (const problem of problems) surroundings.log.warn(problem)
  return {
    ...surroundings,
    bind: flags.bind,
    httpPort: flags.httpPort,
    httpsPort: flags.httpsPort,
    admin: admin === 'off' ? undefined : admin,
    clusterDns: await Promise.all(flags.clusterDns.map(toServer)),
    clusterDomain: flags.clusterDomain,
    dnsForm: flags.dnsForm,
    discovery: flags.discovery,
    ingressClasses: flags.ingressClasses,
    workers: flags.workers,
    lane: flags.lane,
    compat: flags.compat,
    configMap: flags.configMap,
    ...(flags.given && { givenFlags: flags.given }),
    defaultBackend: flags.defaultBackend,
    snippets: flags.allowSnippets,
    trustedProxies: flags.trustedProxies,
    proxyProtocol: flags.proxyProtocol,
    forwardedField: forwarded,
    exposeCause: flags.exposeCause,
    accessLog: accessLog === 'off' || accessLog === '-' ? accessLog : { file: accessLog },
    tracing,
    drainTimeoutMs: drainTimeout,
    limits: toLimits(flags),
    affinityKey: toKeySource(flags, surroundings.env),
    nodeName: flags.nodeName,
  }
}

/** `env` is that of the process, where there is one. */
export function toCompileOptions(
  flags: FlagValues<(typeof compileFlags)[number]>,
  now: number,
  env: Surroundings['env'] = {},
): CompileOptions {
  const { ingressClasses, compat, configMap, defaultBackend, allowSnippets: snippets, discovery, given } = flags
  const collector = readOtelVariables(env).tracing?.endpoint !== undefined
  const rest = { collector, now, ...(given && { givenFlags: given }) }
  return { ingressClasses, compat, configMap, defaultBackend, snippets, discovery, ...rest }
}

/** The operational log of a command, on standard error. */
export function openLog(flags: FlagValues<(typeof logFlags)[number]>, io: Io): Log {
  return createLog({ level: flags.logLevel, format: formatOf(flags, io), write: io.err })
}

/** Of what a command says to whoever started it: sentences for a person, objects for a program. */
export function formatOf({ logFormat }: FlagValues<'logFormat'>, io: Io): 'json' | 'pretty' {
  if (logFormat !== 'auto') return logFormat
  return io.isTerminal ? 'pretty' : 'json'
}

/** `address:port`, IPv6 in brackets. */
export function printHostPort({ host, port }: HostPort): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** Without a home (as some containers are) there is no folder to keep a key in. */
function toKeySource({ affinityKeyFile, stateDir }: DoorFlags, env: Surroundings['env']): AffinityKeySource {
  if (affinityKeyFile !== undefined) return { kind: 'file', path: affinityKeyFile }
  if (stateDir !== undefined) return { kind: 'folder', path: stateDir }
  const { XDG_STATE_HOME: state, HOME: home } = env
  if (state !== undefined && isAbsolute(state)) return { kind: 'folder', path: join(state, 'genkan') }
  return home === undefined || home === ''
    ? { kind: 'process' }
    : { kind: 'folder', path: join(home, '.local', 'state', 'genkan') }
}

function toLimits(flags: DoorFlags): Limits {
  // One entry per key of Limits, each decoded as a number by its flag, so the cast cannot lie.
  return Object.fromEntries(limitKeys.map((key) => [key, flags[key]])) as Limits
}

async function toServer({ host, port }: HostPort): Promise<string> {
  if (isIP(host) !== 0) return printHostPort({ host, port })
  try {
    const { address } = await lookup(host)
    return printHostPort({ host: address, port })
  } catch {
    throw new UserError(`--cluster-dns: the name ${host} has no address; give the DNS server's address itself`)
  }
}
