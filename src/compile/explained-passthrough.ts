/** What becomes of a TLS connection that is passed on unread: nobody sees the request in it, whatever the request is. */
import type { EndpointSet, PassthroughSpec, Snapshot } from '#snapshot/snapshot.ts'
import type { Compiled } from './compile.ts'
import type { RouteExplanation } from './explained-route.ts'
import { backendOf, contenderOf, noRoute, whereTo } from './explained-route.ts'
import type { ExplainedRequest } from './policy-effect.ts'
import { effectsOf } from './policy-effect.ts'

/** As the listener looks: the exact name, then its wildcard. */
export function passthroughFor({ serverNames }: Snapshot, serverName: string): PassthroughSpec | undefined {
  const dot = serverName.indexOf('.')
  const names = [serverName, `*${serverName.slice(Math.max(dot, 0))}`]
  const found = names.map((name) => serverNames.find(({ host }) => host === name)).find((each) => each !== undefined)
  return found?.passthrough
}

type World = { readonly compiled: Compiled; readonly endpoints: readonly EndpointSet[] }

export function explainPassthrough(
  { compiled, endpoints }: World,
  { route: id, upstream, policies: specs }: PassthroughSpec,
  request: ExplainedRequest,
): RouteExplanation {
  const route = compiled.snapshot.routes.find((each) => each.id === id)
  const policies = effectsOf(specs, request)
  const backend = backendOf({ compiled, endpoints }, upstream)
  const refusing = policies.find(({ reply }) => reply !== undefined)?.kind
  return {
    ...noRoute,
    winner:
      route &&
      contenderOf(id, route.origin, `TLS of ${request.host} is passed on unread, wherever requests want to go`),
    policies,
    backend,
    problems: compiled.problems.filter(
      ({ object, severity }) => object === route?.origin.object && severity !== 'info',
    ),
    outcome: outcomeOf(refusing, backend && whereTo(backend)),
  }
}

function outcomeOf(refusing: string | undefined, where: ReturnType<typeof whereTo> | undefined): string {
  if (refusing !== undefined) return `its TLS connection is closed by ${refusing}`
  if (where === undefined)
    return 'its TLS connection is closed: the rule answers 503, or has a protection that needs to see requests'
  return where.ready
    ? `its TLS connection is passed on unread ${where.text}`
    : `its TLS connection is closed (${where.cause}): ${where.text}`
}
