/**
 * `httpGet` as the kubelet does it: a status from 200 to 399 is a success, certificates are not verified, the
 * connection is new and used once. Redirects are successes and never followed.
 */
import { Client } from 'undici'
import type { ProbeSpec } from '#snapshot/snapshot.ts'
import { maxProbeBytes, printTarget, probeUserAgent } from './probe.ts'
import type { ProbeOutcome, ProbeTarget } from './probe.ts'

export type HttpAction = Extract<ProbeSpec['action'], { kind: 'http' }>

/**
 * `Host` is the one among the action's fields, else address and port of the target; with https it is the server name,
 * too. Rejects when there is no answer, or one that breaks off.
 */
export async function probeHttp(action: HttpAction, target: ProbeTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const client = new Client(`${action.scheme}://${printTarget(target)}`, {
    // Whoever made the signal bounds the time of the whole probe.
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 0,
    allowH2: false,
    connect: { rejectUnauthorized: false, timeout: 0 },
  })
  try {
    const { statusCode, body } = await client.request({
      method: 'GET',
      path: action.path,
      headers: [...fieldsOf(action)],
      signal,
    })
    let bytes = 0
    for await (const chunk of body) {
      // Nothing sets an encoding, so chunks are Buffers.
      bytes += (chunk as Buffer).length
      if (bytes >= maxProbeBytes) break
    }
    return { ok: statusCode >= 200 && statusCode < 400, says: `HTTP ${statusCode}` }
  } finally {
    void client.destroy().catch(() => {})
  }
}

/** What a manifest says itself is left as it is. */
function fieldsOf({ fields }: HttpAction): readonly string[] {
  const defaults = [
    ['user-agent', probeUserAgent],
    ['accept', '*/*'],
  ] as const
  const said = new Set(fields.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()))
  return [...fields, ...defaults.filter(([name]) => !said.has(name)).flat()]
}
