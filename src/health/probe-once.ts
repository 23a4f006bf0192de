/**
 * The probes that really go to the network, by the kind of what a ProbeSpec asks for.
 */
import { probeGrpc } from './grpc-probe.ts'
import { probeHttp } from './http-probe.ts'
import type { ProbeOnce } from './probe.ts'
import { probeTcp } from './tcp-probe.ts'

export const probeOnce: ProbeOnce = ({ action }, target, signal) => {
  switch (action.kind) {
    case 'http':
      return probeHttp(action, target, signal)
    case 'tcp':
      return probeTcp(target, signal)
    case 'grpc':
      return probeGrpc(action, target, signal)
  }
}
