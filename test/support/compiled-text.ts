import type { Compiled } from '../../src/compile/compile.ts'
import type { PolicySpec, RouteSpec } from '../../src/snapshot/snapshot.ts'

/** Everything of a compile result but its problems, one thing a line, for records that people compare. */
export function printCompiled({ snapshot, statuses, shadowed, foreign, unreachable }: Compiled): string {
  const lines = [
    ...snapshot.routes.map(printRoute),
    ...snapshot.upstreams.map((each) => `upstream ${each.id} by ${each.discovery.join(', ')}`),
    ...snapshot.certificates.map((each) => `certificate ${each.id} for ${each.names.join(', ')} until ${new Date(each.notAfter).toISOString()}`),
    ...snapshot.tlsHosts.map((each) => `tls ${each.host} ${each.certificate}`),
    ...statuses.map((each) => `status ${each.object} ${each.state} ${each.routes}${each.reason === '' ? '' : `: ${each.reason}`}`),
    ...shadowed.map((each) => `shadowed ${each.id} (line ${each.origin.line}) by ${each.winner}: ${each.reason}`),
    ...unreachable.map((each) => `unreachable ${each.route}: ${each.reason}`),
    ...foreign.map((each) => `foreign ${each.origin.object} ${each.host}: ${each.reason}`),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function printRoute({ id, host, path, origin, upstream, policies, timeouts, maxBodyBytes }: RouteSpec): string {
  const { connectMs, sendMs, readMs } = timeouts
  const parts = [
    `route ${id} = ${host === '' ? '*' : host} ${path.kind} ${path.value}`,
    `-> ${upstream ?? '503'}`,
    `[${policies.map(printPolicy).join(' ')}]`,
    `timeouts ${connectMs}/${sendMs}/${readMs} body ${maxBodyBytes}`,
    `line ${origin.line}`,
  ]
  return parts.join(' ')
}

function printPolicy({ kind, config }: PolicySpec): string {
  return `${kind}${JSON.stringify(config)}`
}
