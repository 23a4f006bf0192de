/** Asks an OCSP responder over http (RFC 6960 appendix A.1). */
import { Agent, request } from 'undici'

const timeoutMs = 10_000
/** Answers have some 500 to 5,000 bytes. */
const longest = 64 * 1_024

/** Rejects when there is no answer of that kind in time. Redirects are not followed. */
export async function askResponder(url: string, question: Uint8Array): Promise<Uint8Array> {
  // Hours lie between two questions.
  const dispatcher = new Agent({ connections: 1, maxResponseSize: longest, connect: { timeout: timeoutMs } })
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' },
      body: question,
      signal: AbortSignal.timeout(timeoutMs),
    })
    const bytes = await body.bytes()
    if (statusCode !== 200) throw new Error(`status ${statusCode}`)
    return bytes
  } finally {
    await dispatcher.destroy()
  }
}
