/**
 * The same bytes at two front doors, one with the fast lane and one without: what the endpoints get is the same, and so
 * are the answers. Where the fast lane is stricter than node's parser it refuses; it never lets more through.
 */
import { expect, test } from 'vitest'
import { requestInputs } from '../../support/differential.ts'
import { openDoor } from '../../support/door.ts'
import { describeOneLane, leftToGeneral } from '../../support/lanes.ts'
import { startOrigin } from '../../support/origin.ts'
import { connectRaw } from '../../support/raw-client.ts'

const inputs = 600
/** Pairs of doors, each of which takes one input after the other. */
const pairs = 10
/** Behind every input: a connection that is still good ends with it. */
const last = 'GET /last HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'

type Outcome = {
  /** Whole requests that the endpoint got: method, target, fields and body. */
  readonly arrived: readonly string[]
  /** Final statuses that the client got. */
  readonly statuses: readonly string[]
}

type Ask = (bytes: Buffer) => Promise<Outcome>

describeOneLane('fast', 'it is compared with the other one', () => {
  leftToGeneral('version', 'method', 'target', 'tabs', 'expect', 'upgrade', 'coding', 'http2')

  test('endpoints and clients cannot tell who serves, but by what the fast lane refuses', async () => {
    const inputAt = requestInputs(20_261_122)
    const texts = Array.from({ length: inputs }, (_, index) => Buffer.concat([inputAt(index), Buffer.from(last)]))
    const queue = texts.values()
    const counts = { same: 0, stricter: 0, served: 0 }
    const differences: { readonly input: string; readonly fast: Outcome; readonly general: Outcome }[] = []
    const run = async (): Promise<void> => {
      const [askFast, askGeneral] = await Promise.all([openAsk('auto'), openAsk('general')])
      for (const bytes of queue) {
        const [fast, general] = await Promise.all([askFast(bytes), askGeneral(bytes)])
        if (isSame(fast, general)) counts.same++
        else if (isStricter(fast, general)) counts.stricter++
        else differences.push({ input: bytes.toString('latin1'), fast, general })
        counts.served += fast.arrived.length
      }
    }
    await Promise.all(Array.from({ length: pairs }, run))
    expect(differences).toEqual([])
    expect(counts.stricter).toBeLessThan(inputs / 20)
    // Most inputs are damaged; if none of them were served, nothing would have been compared.
    expect(counts.served).toBeGreaterThan(inputs / 4)
  }, 60_000)
})

async function openAsk(lane: 'auto' | 'general'): Promise<Ask> {
  let arrived: string[] = []
  const origin = await startOrigin((request, response) => {
    const { method, url, rawHeaders } = request
    const fields = rawHeaders.filter((_, at) => !/^x-(?:request-id|forwarded-port)$/i.test(rawHeaders[at & ~1]!))
    let body = ''
    request.setEncoding('latin1').on('data', (text: string) => (body += text))
    request.on('end', () => {
      arrived.push(JSON.stringify([method, url, fields, body]))
      response.end('ok')
    })
  })
  const limits = { headerTimeoutMs: 300, bodyIdleTimeoutMs: 300, lingerMs: 20 }
  const door = await openDoor({ endpoints: [origin.port], init: { lane }, limits })
  return async (bytes) => {
    arrived = []
    const client = await connectRaw(door.http)
    client.write(bytes)
    const answer = await client.end()
    client.socket.destroy()
    return { arrived, statuses: answer.match(/HTTP\/1\.1 [2-5]\d\d/g) ?? [] }
  }
}

function isSame(fast: Outcome, general: Outcome): boolean {
  return JSON.stringify(fast) === JSON.stringify(general)
}

/** The same up to a request that the fast lane answers with 400, and nothing behind it. */
function isStricter(fast: Outcome, general: Outcome): boolean {
  const good = fast.statuses.slice(0, -1)
  return (
    fast.statuses.at(-1) === 'HTTP/1.1 400' &&
    good.every((status, at) => status === general.statuses[at]) &&
    fast.arrived.every((request, at) => request === general.arrived[at])
  )
}
