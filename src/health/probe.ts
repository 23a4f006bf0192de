/**
 * One readiness probe, made once: who is asked, and what came of it.
 */
import type { ProbeSpec } from '#snapshot/snapshot.ts'

/** `address` is an IP literal without brackets. */
export type ProbeTarget = { readonly address: string; readonly port: number }

/** `says` is for people: `HTTP 503`, `connect ECONNREFUSED 10.0.0.1:80`. */
export type ProbeOutcome = { readonly ok: boolean; readonly says: string }

/**
 * Asks once, over a connection of its own. Gives up, and closes that connection, when `signal` is aborted. A rejection
 * counts as a failure with the error's message.
 */
export type ProbeOnce = (spec: ProbeSpec, target: ProbeTarget, signal: AbortSignal) => Promise<ProbeOutcome>

/** As the kubelet names itself, so that applications that tell probes from people go on doing so. */
export const probeUserAgent = 'kube-probe/genkan'

/** An answer is read no further than this: 10 KiB, as the kubelet does. */
export const maxProbeBytes = 10 * 1024

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export function printTarget({ address, port }: ProbeTarget): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}
