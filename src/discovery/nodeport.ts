/**
 * Endpoints for a front door outside the cluster: the Service's node port on every ready Node of the folder.
 *
 * With `externalTrafficPolicy: Local` a Node answers only when it hosts a ready endpoint, so only such Nodes are named;
 * when the folder cannot tell which do, this mode has no answer. A front door that knows the Node it runs on prefers
 * that Node then (priority 0, the others 1): its traffic does not leave the machine.
 */
import type { Node, Service } from '#resource/resource.ts'
import type { EndpointSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Answer } from './answer.ts'
import { answerOf, endpointAt, none } from './answer.ts'
import type { Folder } from './folder.ts'
import { printPort, servicePortOf } from './folder.ts'
import { answerFromPods } from './pods.ts'
import { answerFromSlices } from './slices.ts'

export function answerFromNodes(folder: Folder, upstream: UpstreamSpec, nodeName: string | undefined): Answer {
  const { namespace, service: name } = upstream
  const service = folder.service(namespace, name)
  if (service === undefined) return none(`no Service ${namespace}/${name} that could have a node port`)
  const port = servicePortOf(service, upstream.port)?.nodePort
  if (!exposesNodePorts(service) || port === undefined) {
    return none(`Service ${namespace}/${name} has no node port for port ${printPort(upstream.port)}`)
  }
  const nodes = folder.nodes().filter((each) => each.status.ready ?? true)
  if (nodes.length === 0) return none('no ready Node')

  if (service.spec.externalTrafficPolicy === 'Cluster') {
    const everywhere = nodes.flatMap((node) => endpointOn(node, port, 0))
    return answerOf(everywhere, 'node port')
  }
  const hosts = hostsOf(folder, upstream)
  if (hosts === undefined) return none('externalTrafficPolicy is Local, and nothing says which Nodes host an endpoint')
  const hosting = nodes.filter((each) => hosts.has(each.metadata.name))
  const priority = (node: Node): number => (nodeName === undefined || node.metadata.name === nodeName ? 0 : 1)
  const endpoints = hosting.flatMap((node) => endpointOn(node, port, priority(node)))
  return answerOf(endpoints, 'node port, Nodes with a ready endpoint')
}

function exposesNodePorts(service: Service): boolean {
  return service.spec.type === 'NodePort' || service.spec.type === 'LoadBalancer'
}

/** One endpoint per Node: its first InternalIP, else its first ExternalIP. */
function endpointOn(node: Node, port: number, priority: number): readonly EndpointSpec[] {
  const { name } = node.metadata
  const ofType = (type: string): string | undefined => node.status.addresses.find((each) => each.type === type)?.address
  const address = ofType('InternalIP') ?? ofType('ExternalIP')
  return address === undefined ? [] : [endpointAt({ address, port, priority, name: `Node ${name}`, node: name })]
}

/** Names of the Nodes that host a ready endpoint, `undefined` when neither slices nor Pods say. */
function hostsOf(folder: Folder, upstream: UpstreamSpec): ReadonlySet<string> | undefined {
  for (const answer of [answerFromSlices(folder, upstream), answerFromPods(folder, upstream)]) {
    if (answer.kind !== 'answer') continue
    const ready = answer.endpoints.filter((each) => each.ready)
    if (ready.some((each) => each.node === undefined)) continue
    return new Set(ready.map((each) => each.node!))
  }
  return undefined
}
