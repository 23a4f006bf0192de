/**
 * `tcpSocket`: a connection that is accepted is a success; it is closed at once.
 */
import { connect } from 'node:net'
import { printTarget } from './probe.ts'
import type { ProbeOutcome, ProbeTarget } from './probe.ts'

/** Rejects with the socket's error when nobody accepts. */
export function probeTcp(target: ProbeTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.address, port: target.port, signal })
    socket.on('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve({ ok: true, says: `${printTarget(target)} accepts connections` })
    })
  })
}
