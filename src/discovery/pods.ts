/**
 * Endpoints from the Pods that a Service's selector selects, as the endpoint controller of a cluster would find them.
 *
 * A Pod counts as ready by its Ready condition. A folder seldom carries statuses: a Pod with an address and without a
 * Ready condition is ready unless its phase says it does not run. A Pod with several addresses is one endpoint, under
 * the first (its primary) address.
 */
import type { Pod, ServicePort } from '#resource/resource.ts'
import type { EndpointSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Answer } from './answer.ts'
import { answerOf, endpointAt, none } from './answer.ts'
import type { Folder } from './folder.ts'
import { printPort, servicePortOf } from './folder.ts'

export function answerFromPods(folder: Folder, upstream: UpstreamSpec): Answer {
  const { namespace, service: name } = upstream
  const service = folder.service(namespace, name)
  if (service === undefined) return none(`no Service ${namespace}/${name} whose selector could select Pods`)
  if (service.spec.type === 'ExternalName') return none(`Service ${namespace}/${name} is of type ExternalName`)
  if (Object.keys(service.spec.selector).length === 0) return none(`Service ${namespace}/${name} has no selector`)

  const pods = folder.selected(service)
  if (pods.length === 0) return none(`no Pod has the labels Service ${namespace}/${name} selects`)
  // Manifests carry no addresses, and Pods that are starting have none: whoever else is asked may know more.
  if (pods.every((pod) => pod.status.podIPs.length === 0)) {
    return none(
      `no Pod that Service ${namespace}/${name} selects has an address: ${pods.map((pod) => pod.metadata.name).join(', ')}`,
    )
  }
  const port = servicePortOf(service, upstream.port)
  if (port === undefined) {
    return answerOf([], `Service ${namespace}/${name} has no TCP port ${printPort(upstream.port)}`)
  }

  const endpoints: EndpointSpec[] = []
  const remarks: string[] = []
  for (const pod of pods) {
    const found = endpointOf(pod, port, service.spec.publishNotReadyAddresses)
    if (typeof found === 'string') remarks.push(`Pod ${pod.metadata.name} ${found}`)
    else endpoints.push(found)
  }
  return answerOf(endpoints, [pods.length === 1 ? '1 Pod' : `${pods.length} Pods`, ...remarks].join('; '))
}

/** The Pod as an endpoint, or why it is none. */
function endpointOf(pod: Pod, servicePort: ServicePort, published: boolean): EndpointSpec | string {
  const { podIPs, phase, ready, terminating } = pod.status
  const address = podIPs[0]
  if (address === undefined) return 'has no address yet'
  if (phase === 'Succeeded' || phase === 'Failed') return 'has ended'
  const port = containerPort(pod, servicePort)
  if (port === undefined) return `has no container port ${printPort(servicePort.targetPort)}`
  const serving = ready ?? (phase === undefined || phase === 'Running')
  return endpointAt({
    address,
    port,
    ready: published || (serving && !terminating),
    serving: published || serving,
    terminating,
    name: `Pod ${pod.metadata.namespace}/${pod.metadata.name}`,
    node: pod.spec.nodeName,
  })
}

function containerPort(pod: Pod, { targetPort }: ServicePort): number | undefined {
  if (targetPort.kind === 'number') return targetPort.number
  const ports = pod.spec.containers.flatMap((each) => each.ports)
  return ports.find((each) => each.name === targetPort.name && each.protocol === 'TCP')?.containerPort
}
