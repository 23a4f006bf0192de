/**
 * The fast lane's reading of responses against that of node's client: what the fast lane would pass on as complete, node
 * must read the same way. Inputs are the wire cases and generated responses, cut, copied and misspelt at random.
 */
import { loadResponseCases } from '../wire/response-case.ts'
import { longestSeed, mutantOf } from './mutant.ts'
import { pick, randomOf } from './random.ts'
import {
  type FastReading,
  FastResponseReader,
  type Input,
  readResponsesByNode,
  type ResponseMessage,
} from './response-readers.ts'

export type ResponseDifference = {
  readonly input: string
  readonly method: string
  readonly fast: FastReading
  readonly node: ResponseMessage | undefined
}

export type ResponseComparison = {
  readonly inputs: number
  /** Responses that the fast lane would pass on. */
  readonly accepted: number
  readonly differences: readonly ResponseDifference[]
}

/** Inputs compared at once. */
const batch = 500
/** Pieces of responses that matter to whoever reads them. */
const tokens = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ': ',
  'HTTP/1.0',
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n',
  'HTTP/1.1 304 Not Modified\r\n',
  'Content-Length: 5\r\n',
  'content-length:3\r\n',
  'Content-Length: 5, 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  'X-Long: aaaaaaaaaaaaaaaaaaaa\r\n',
  ' \r\n folded\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '5;a="b;c"\r\nhello\r\n',
  '0\r\nX-T: 1\r\n\r\n',
]

/** Compares `count` inputs made from `seed`; the same ones every time. */
export async function compareResponseReadings(count: number, seed: number): Promise<ResponseComparison> {
  const random = randomOf(seed)
  const cases = loadResponseCases().filter(({ macro }) => macro !== true)
  const written = cases.map(({ raw }) => Buffer.from(raw, 'latin1'))
  const seeds = [
    ...written.filter(({ length }) => length > 0 && length < longestSeed),
    ...Array.from({ length: 200 }, () => Buffer.from(generatedResponse(random), 'latin1')),
  ]
  const fast = new FastResponseReader()
  const differences: ResponseDifference[] = []
  let accepted = 0
  for (let done = 0; done < count; done += batch) {
    const inputs = Array.from({ length: Math.min(batch, count - done) }, (_, index): Input => {
      const bytes = mutantOf({ seeds, tokens }, done + index, random)
      return { method: random() < 0.9 ? 'GET' : 'HEAD', bytes }
    })
    const readings = await readResponsesByNode(inputs)
    for (const [index, input] of inputs.entries()) {
      const reading = fast.read(input)
      if (reading === undefined) continue
      accepted++
      const node = readings[index]
      if (!agrees(reading, node))
        differences.push({ input: input.bytes.toString('latin1'), method: input.method, fast: reading, node })
    }
  }
  return { inputs: count, accepted, differences }
}

/** What node refuses must be one of few known things; what it takes, it must read the same way. */
function agrees({ message: fast, lenient }: FastReading, node: ResponseMessage | undefined): boolean {
  if (node === undefined) return lenient.length > 0
  if (fast.status !== node.status || fast.reason !== node.reason || fast.body !== node.body) return false
  return areSame(fast.fields, node.fields) && areSame(fast.trailers, node.trailers)
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, at) => text === b[at])
}

/** Good responses of every form. */
function generatedResponse(random: () => number): string {
  const interim = pick(
    ['', '', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'],
    random,
  )
  const status = pick(
    ['200 OK', '200', '200 ', '404 Not Found', '500 caf\xe9', '204 No Content', '304 Not Modified'],
    random,
  )
  const fields = Array.from({ length: Math.floor(random() * 4) }, () =>
    pick(
      ['Server: x', 'X-A:b', 'X-Empty:', 'Set-Cookie: a=1; b="2"', 'Via:  x  y  ', "x!#$%&'*+-.^_`|~: 1", 'X-O: \xe9'],
      random,
    ),
  )
  const head = `${interim}HTTP/1.1 ${status}\r\n${fields.map((field) => `${field}\r\n`).join('')}`
  const data = 'x'.repeat(Math.floor(random() * 30))
  switch (Math.floor(random() * 4)) {
    case 0:
      return `${head}Content-Length: ${data.length}\r\n\r\n${data}`
    case 1:
      return `${head}Transfer-Encoding: chunked\r\n\r\n${data === '' ? '' : `${data.length.toString(16)}\r\n${data}\r\n`}0\r\n${pick(['', 'X-T: 1\r\n'], random)}\r\n`
    case 2:
      return `${head}Connection: close\r\n\r\n${data}`
    default:
      return `${head}\r\n${data}`
  }
}
