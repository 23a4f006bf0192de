/**
 * Upstream and Service → the DNS names to ask for, and the port that goes with their addresses. Pure.
 */
import type { PortRef, Service, ServicePort } from '#resource/resource.ts'
import type { UpstreamSpec } from '#snapshot/snapshot.ts'
import { canonicalAddress, isLoopback } from '../address.ts'
import { printPort, servicePortOf } from '../folder.ts'
import { isLocalhost } from './resolve.ts'
import type { Target } from './resolve.ts'

/**
 * `names`: the Kubernetes form, the OpenShift form with one address per ready Pod, or both, to be tried in the order
 * the zone suggests. `fixed`: an ExternalName that is an address. `refused`: why DNS cannot be asked.
 */
export type DnsPlan =
  | {
      readonly kind: 'names'
      readonly svc: Target | undefined
      readonly endpoints: Target | undefined
      /** The Service's own address answers for all its Pods: they cannot be told apart. `unknown` without a Service. */
      readonly perPod: boolean | 'unknown'
    }
  | { readonly kind: 'external'; readonly target: Target }
  | { readonly kind: 'fixed'; readonly address: string; readonly port: number }
  | { readonly kind: 'refused'; readonly says: string }

export type PlanInit = { readonly domain: string; readonly form: 'auto' | 'svc' | 'endpoints' }

export function planFor(upstream: UpstreamSpec, service: Service | undefined, { domain, form }: PlanInit): DnsPlan {
  const { namespace, service: name, port } = upstream
  if (service?.spec.type === 'ExternalName') return planExternal(upstream, service)
  const found = service === undefined ? undefined : servicePortOf(service, port)
  if (service !== undefined && found === undefined) {
    return refused(`Service ${namespace}/${name} has no TCP port ${printPort(port)}`)
  }
  const headless = service?.spec.clusterIP === 'None'
  const base = `${name}.${namespace}`
  const svc = form === 'endpoints' ? undefined : svcTarget(upstream, found, { zone: `svc.${domain}`, base, headless })
  const endpoints = form === 'svc' ? undefined : endpointsTarget(upstream, found, { zone: `endpoints.${domain}`, base })
  if (svc === undefined && endpoints === undefined) {
    return refused(`only Pods know the target port of Service ${namespace}/${name}, and SRV needs a name for its port`)
  }
  return { kind: 'names', svc, endpoints, perPod: service === undefined ? 'unknown' : headless }
}

type Naming = { readonly zone: string; readonly base: string }
type SvcNaming = Naming & { readonly headless: boolean }

/**
 * A ClusterIP answers on the Service's port, a headless Service's Pods on the target port. A named target port may
 * differ from Pod to Pod, so only SRV knows it; SRV goes by the name of the Service's port. Without either there is
 * nothing to ask.
 */
function svcTarget(upstream: UpstreamSpec, found: ServicePort | undefined, naming: SvcNaming): Target | undefined {
  const { port: ref } = upstream
  const target = `${naming.base}.${naming.zone}`
  if (found === undefined) {
    if (ref.kind === 'number') return { srv: undefined, name: target, port: ref.number }
    return { srv: `_${ref.name.toLowerCase()}._tcp.${target}`, name: target, port: undefined }
  }
  const port = naming.headless ? numericTarget(found) : found.port
  if (found.name === '' && port === undefined) return undefined
  const wantsSrv = found.name !== '' && (ref.kind === 'name' || port === undefined)
  return { srv: wantsSrv ? `_${found.name.toLowerCase()}._tcp.${target}` : undefined, name: target, port }
}

/** In the endpoints form a numbered port has a SRV name too. */
function endpointsTarget({ port: ref }: UpstreamSpec, found: ServicePort | undefined, { zone, base }: Naming): Target {
  const target = `${base}.${zone}`
  const routeSays = ref.kind === 'name' ? ref.name : String(ref.number)
  const label = found === undefined || found.name === '' ? routeSays : found.name
  const port = found === undefined ? numberOf(ref) : numericTarget(found)
  return { srv: `_${label.toLowerCase()}._tcp.${target}`, name: target, port }
}

/**
 * The route's port, translated by the Service when it lists ports. `localhost` and loopback addresses are refused, as
 * ingress-nginx does: whoever may write a Service must not thereby reach what listens on the front door's own machine.
 */
function planExternal({ namespace, service: name, port: ref }: UpstreamSpec, service: Service): DnsPlan {
  const external = (service.spec.externalName ?? '').toLowerCase().replace(/\.$/, '')
  const found = servicePortOf(service, ref)
  const port = found === undefined ? numberOf(ref) : (numericTarget(found) ?? found.port)
  if (external === '') return refused(`Service ${namespace}/${name} has no externalName`)
  if (port === undefined) return refused(`Service ${namespace}/${name} has no TCP port ${printPort(ref)}`)
  const address = canonicalAddress(external)
  if (isLocalhost(external) || (address !== undefined && isLoopback(address))) {
    return refused(`the externalName ${external} of Service ${namespace}/${name} is this machine itself: refused`)
  }
  if (address !== undefined) return { kind: 'fixed', address, port }
  return { kind: 'external', target: { srv: undefined, name: external, port } }
}

function numberOf(ref: PortRef): number | undefined {
  return ref.kind === 'number' ? ref.number : undefined
}

function numericTarget({ targetPort }: ServicePort): number | undefined {
  return numberOf(targetPort)
}

function refused(says: string): DnsPlan {
  return { kind: 'refused', says }
}
