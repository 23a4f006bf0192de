/**
 * The address of the Service itself, its cluster IP, in place of its endpoints: what `service-upstream` asks for. Who is
 * behind it, and whether they are ready, is then the cluster's business.
 */
import type { UpstreamSpec } from '#snapshot/snapshot.ts'
import { canonicalAddress } from './address.ts'
import type { Answer } from './answer.ts'
import { answerOf, endpointAt, none } from './answer.ts'
import type { Folder } from './folder.ts'
import { printPort, servicePortOf } from './folder.ts'

export type Place = { readonly address: string; readonly port: number }

/** `standIn`: who has the Service's address where there is no cluster, and then nobody else has. */
export function answerFromService(folder: Folder, upstream: UpstreamSpec, standIn: Place | undefined): Answer {
  const { namespace, service: name, port: ref } = upstream
  if (standIn !== undefined) return answerOf([endpointAt(standIn)], 'the stand-in of the Service')
  const service = folder.service(namespace, name)
  if (service === undefined) return none(`no file describes the Service ${namespace}/${name}`)
  const port = servicePortOf(service, ref)
  if (port === undefined) return none(`Service ${namespace}/${name} has no TCP port ${printPort(ref)}`)
  const address = canonicalAddress(service.spec.clusterIP)
  if (address === undefined) return none(`the file of Service ${namespace}/${name} has no clusterIP`)
  return answerOf([endpointAt({ address, port: port.port })], `the clusterIP of Service ${namespace}/${name}`)
}
