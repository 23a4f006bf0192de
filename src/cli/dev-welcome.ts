/**
 * What `genkan dev` says once it is up: where it listens, what is routed where, and commands to paste.
 */
import { isIP } from 'node:net'
import type { StandIn } from '#cluster/stand-in.ts'
import { printProblem, type Problem } from '#resource/problem.ts'
import type { RouteSpec, Snapshot } from '#snapshot/snapshot.ts'
import type { Genkan } from '../main.ts'
import { countOf, printColumns } from './columns.ts'
import { pathTypes } from './routes.ts'
import { printHostPort } from './settings.ts'

export type WelcomeInit = {
  readonly ports: Genkan['ports']
  readonly moved: Genkan['moved']
  readonly bind: string
  readonly adminHost: string | undefined
  readonly snapshot: Snapshot
  readonly problems: readonly Problem[]
  readonly folders: readonly string[]
  /** `address:port`; `undefined` when there is no embedded cluster. */
  readonly dns: string | undefined
  readonly standIns: readonly StandIn[]
}

/** More would push the addresses off the screen. */
const shownRoutes = 12
const shownCommands = 4

export function printWelcome(init: WelcomeInit): string {
  const { folders, problems } = init
  const parts = [
    `Serving ${folders.join(', ')}\n`,
    printColumns(addressRows(init), '  '),
    routeTable(init),
    commands(init),
    problems.length === 0
      ? ''
      : `${countOf(problems.length, 'problem')}:\n${problems.map((problem) => `  ${printProblem(problem)}\n`).join('')}`,
    'Change a file and see what happens; Ctrl-C stops.\n',
  ]
  return `\n${parts.filter((part) => part !== '').join('\n')}`
}

/** A request that this route answers, as a command that works as printed; `undefined` where a path cannot be guessed. */
function curlFor(
  route: RouteSpec,
  { ports, bind, snapshot }: Pick<WelcomeInit, 'ports' | 'bind' | 'snapshot'>,
): string | undefined {
  if (route.path.kind === 'regex') return undefined
  const isTls = snapshot.tlsHosts.some(({ host }) => host === route.host)
  const port = isTls ? ports.https : ports.http
  const address = bind === '::' || bind === '0.0.0.0' ? '127.0.0.1' : bind
  const host = route.host.replace(/^\*/, 'any')
  const defaultPort = isTls ? 443 : 80
  const authority = (name: string): string => (port === defaultPort ? name : `${name}:${port}`)
  const bracketed = isIP(address) === 6 ? `[${address}]` : address
  const url = `${isTls ? 'https' : 'http'}://${authority(host === '' ? bracketed : host)}${route.path.value}`
  // -k: the certificate of an example or of a developer is seldom one that curl trusts.
  const options = [isTls ? '-k' : '', host === '' ? '' : `--resolve ${host}:${port}:${bracketed}`].filter(
    (option) => option !== '',
  )
  return ['curl', ...options, /[^\w./:%~-]/.test(url) ? `'${url}'` : url].join(' ')
}

function addressRows({ ports, moved, bind, adminHost, dns }: WelcomeInit): string[][] {
  const why = (port: number): string => moved.find(({ taken }) => taken === port)?.reason ?? ''
  const at = (port: number): string => printHostPort({ host: bind, port })
  return [
    ['HTTP', `http://${at(ports.http)}`, why(ports.http)],
    ['HTTPS', `https://${at(ports.https)}`, why(ports.https)],
    ...(adminHost === undefined
      ? []
      : [['Dashboard', `http://${printHostPort({ host: adminHost, port: ports.admin })}/`, '']]),
    ...(dns === undefined ? [] : [['Cluster DNS', dns, '']]),
  ]
}

function routeTable({ snapshot, standIns, folders }: WelcomeInit): string {
  const { routes } = snapshot
  if (routes.length === 0) return 'No routes yet: put an Ingress into the folder.\n'
  const rows = routes.slice(0, shownRoutes).map(({ host, path, upstream }) => {
    const count = standIns.filter(
      ({ identity }) => `${identity.namespace}/${identity.service}:${identity.port}` === upstream,
    ).length
    return [
      host === '' ? '*' : host,
      `${path.value} (${pathTypes[path.kind]})`,
      upstream ?? 'none',
      count > 0 ? countOf(count, 'stand-in') : 'its endpoints',
    ]
  })
  const more =
    routes.length > shownRoutes ? `  and ${routes.length - shownRoutes} more: genkan routes ${folders.join(' ')}\n` : ''
  return `${printColumns([['HOST', 'PATH', 'BACKEND', 'ANSWERED BY'], ...rows], '  ')}${more}`
}

function commands(init: WelcomeInit): string {
  const all = init.snapshot.routes.map((route) => curlFor(route, init)).filter((each) => each !== undefined)
  const shown = [...new Set(all)].slice(0, shownCommands)
  return shown.length === 0 ? '' : `Try\n${shown.map((command) => `  ${command}\n`).join('')}`
}
