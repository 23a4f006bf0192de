/** `genkan routes`: the compiled table. */
import { shownPolicy, withoutSecrets } from '#snapshot/print.ts'
import type { RouteSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import { countOf, printColumns } from './columns.ts'
import { defineCommand } from './command.ts'
import { readOffline } from './offline.ts'
import { compileFlags } from './settings.ts'

export const routesCommand = defineCommand({
  name: 'routes',
  operands: '<folder...>',
  operandHelp: 'a folder of YAML files, or several',
  summary: 'print the routes that folders compile to, in the order in which they are tried',
  notes: `Examples:
  genkan routes manifests
  genkan routes manifests --output json | jq -r '.routes[].id'

Exit codes: 0 done (problems are what \`genkan check\` is for), 2 a flag or folder is wrong.`,
  flags: [...compileFlags, 'output'],
  run: async ({ operands, flags, io }) => {
    const { compiled, problems } = await readOffline(operands, flags, io.env)
    const { snapshot, shadowed } = compiled
    const { unmatched } = snapshot
    if (flags.output === 'json') {
      io.out(
        `${JSON.stringify({ routes: snapshot.routes.map(shownRoute), unmatched: unmatched && shownRoute(unmatched), upstreams: snapshot.upstreams.map(shown), tlsHosts: snapshot.tlsHosts, shadowed }, undefined, 2)}\n`,
      )
      return 0
    }
    const rows = snapshot.routes.map((route) =>
      rowOf(route, snapshot.tlsHosts.find(({ host }) => host === route.host)?.certificate),
    )
    const last = unmatched === undefined ? [] : [rowOfUnmatched(unmatched)]
    io.out(
      printColumns([['HOST', 'PATH', 'TYPE', 'BACKEND', 'CERTIFICATE', 'POLICIES', 'WRITTEN IN'], ...rows, ...last]),
    )
    io.out(
      `\n${countOf(snapshot.routes.length, 'route')}${last.length === 0 ? '' : ', and one for what none of them takes'}${shadowed.length === 0 ? '' : `, ${shadowed.length} more lost to one of them`}\n`,
    )
    const errors = problems.filter(({ severity }) => severity === 'error').length
    if (errors > 0)
      io.err(
        `genkan: ${countOf(errors, 'error')} kept something out of this table; \`genkan check ${operands.join(' ')}\` says what\n`,
      )
    return 0
  },
})

/** Without the hashes of passwords. */
function shownRoute(route: RouteSpec): RouteSpec {
  return { ...route, policies: route.policies.map(shownPolicy) }
}

/** Without the key that is shown to endpoints. */
function shown({ tls, ...upstream }: UpstreamSpec): unknown {
  return tls === undefined ? upstream : { ...upstream, tls: withoutSecrets(tls) }
}

/** Kubernetes' own words for path types. */
export const pathTypes = { exact: 'Exact', prefix: 'Prefix', regex: 'Regex' } as const

function rowOf(route: RouteSpec, certificate: string | undefined): string[] {
  const { host, path, upstream, policies, origin } = route
  return [
    host === '' ? '*' : host,
    path.value,
    pathTypes[path.kind],
    upstream ?? 'none (503)',
    certificate ?? '-',
    policies.length === 0 ? '-' : policies.map(({ kind }) => kind).join(','),
    `${origin.file}:${origin.line} (${origin.object})`,
  ]
}

/** No file says where it is written. */
function rowOfUnmatched(route: RouteSpec): string[] {
  const [host = '', , , backend = '', certificate = '', policies = ''] = rowOf(route, undefined)
  return [
    host,
    'no other route',
    '-',
    backend,
    certificate,
    policies,
    `--default-backend-service (${route.origin.object})`,
  ]
}
