/**
 * The fast lane's reading against node's: whatever the fast lane would act on, node must read the same way. Inputs are
 * the wire cases and generated requests, cut, copied and misspelt at random.
 */
import { loadRequestCases, requestBytes } from '../wire/request-case.ts'
import { type Message, readFast } from './fast-reader.ts'
import { NodeReader, type NodeReading } from './node-reader.ts'
import { longestSeed, mutantOf } from './mutant.ts'
import { pick, randomOf } from './random.ts'

export type Difference = { readonly input: string; readonly fast: Message; readonly node: NodeReading }

export type Comparison = {
  readonly inputs: number
  /** Messages that the fast lane would act on, all of them read the same way by node but for the differences. */
  readonly accepted: number
  readonly differences: readonly Difference[]
}

/** Inputs compared at once. */
const batch = 500
/** Pieces of requests that matter to whoever reads them. */
const tokens = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ': ',
  'Content-Length: 5\r\n',
  'content-length:3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, upgrade\r\n',
  'Upgrade: x\r\n',
  'Expect: 100-continue\r\n',
  'Host: b.test\r\n',
  'X-Long: aaaaaaaaaaaaaaaaaaaa\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '5;a=b\r\nhello\r\n',
  '5;a="b;c"\r\nhello\r\n',
  '3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'HTTP/1.1',
  'HTTP/1.0',
  'POST',
  'PUT',
  'OPTIONS',
  'Proxy-Connection: close\r\n',
  ' \r\n folded\r\n',
]

/** Compares `count` inputs made from `seed`; the same ones every time. */
export async function compareReadings(count: number, seed: number): Promise<Comparison> {
  const inputAt = requestInputs(seed)
  const node = new NodeReader()
  const differences: Difference[] = []
  let accepted = 0
  for (let done = 0; done < count; done += batch) {
    const inputs = Array.from({ length: Math.min(batch, count - done) }, (_, index) => inputAt(done + index))
    const readings = await node.read(inputs)
    for (const [index, input] of inputs.entries()) {
      const { messages } = readFast([input])
      const whole = messages.filter(({ complete }) => complete)
      accepted += whole.length
      const wrong = whole.findIndex((message, at) => !isSame(message, readings[index]!.messages[at]))
      if (wrong >= 0) differences.push({ input: input.toString('latin1'), fast: whole[wrong]!, node: readings[index]! })
    }
  }
  node.close()
  return { inputs: count, accepted, differences }
}

/** Gives one input after the other, the same ones every time: `index` counts them. */
export function requestInputs(seed: number): (index: number) => Buffer {
  const random = randomOf(seed)
  const seeds = [
    ...loadRequestCases()
      .map(requestBytes)
      .filter(({ length }) => length > 0 && length < longestSeed),
    ...generatedSeeds(random),
  ]
  return (index) => mutantOf({ seeds, tokens }, index, random)
}

function isSame(fast: Message, node: Message | undefined): boolean {
  if (node === undefined || !node.complete) return false
  if (fast.method !== node.method || fast.target !== node.target || fast.body !== node.body) return false
  return fast.fields.length === node.fields.length && fast.fields.every((text, at) => text === node.fields[at])
}

/** Good requests of every form the fast lane serves, several on a connection. */
function generatedSeeds(random: () => number): Buffer[] {
  return Array.from({ length: 200 }, () => {
    const requests = Array.from({ length: 1 + Math.floor(random() * 3) }, () => generatedRequest(random))
    // The next ones differ by their Host, as those of a proxy do that many clients share.
    if (random() < 0.4) requests.push(...requests.map((each) => each.replace(/Host: .*/, 'Host: other.test')))
    return Buffer.from(requests.join(''), 'latin1')
  })
}

function generatedRequest(random: () => number): string {
  const method = pick(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], random)
  const target = pick(['/', '/a', '/a/b?c=d', '/%41;x=y', '/a//b/../c', '/?', "/~a!$&'()*+,;=:@"], random)
  const fields = Array.from({ length: Math.floor(random() * 4) }, () =>
    pick(
      [
        'Accept: */*',
        'X-A:b',
        'X-Empty:',
        'Cookie: a=1; b="2"',
        'User-Agent:  x  y  ',
        'X-\xe9: no',
        "x!#$%&'*+-.^_`|~: 1",
        'X-O: caf\xe9\xff',
      ],
      random,
    ),
  )
  const host = `Host: ${pick(['a.test', 'b.test:81', 'longer.c.test', '[::1]'], random)}`
  const lines = random() < 0.7 ? [host, ...fields] : [...fields, host]
  const head = `${method} ${target} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}`
  const data = 'x'.repeat(Math.floor(random() * 30))
  switch (Math.floor(random() * 4)) {
    case 0:
      return `${head}Content-Length: ${data.length}\r\n\r\n${data}`
    case 1:
      return `${head}Transfer-Encoding: chunked\r\n\r\n${data === '' ? '' : `${data.length.toString(16)}${pick(['', ';a', ';a=b', ';a="b c"'], random)}\r\n${data}\r\n`}0\r\n${pick(['', 'X-T: 1\r\n'], random)}\r\n`
    case 2:
      return `${head}Connection: ${pick(['close', 'keep-alive', 'x-a, close'], random)}\r\n\r\n`
    default:
      return `${head}\r\n`
  }
}
