import {
  Client,
  credentials,
  type MethodDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { after } from '../support/closing.ts'
import { type Door, openDoor } from '../support/door.ts'
import { until } from '../support/until.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'

/** Messages are plain text. */
const serialize = (text: string): Buffer => Buffer.from(text)
const deserialize = (bytes: Buffer): string => bytes.toString()

function method(name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<string, string> {
  return {
    path: `/test.Words/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  }
}

const words = {
  shout: method('Shout', false, false),
  spell: method('Spell', false, true),
  echo: method('Echo', true, true),
  sleep: method('Sleep', false, false),
}

/** The words' server; `cancelled` counts calls whose clients went away. */
async function startWords(): Promise<{ readonly port: number; readonly cancelled: () => number }> {
  let cancelled = 0
  const server = new Server()
  server.addService(words, {
    shout(call: ServerUnaryCall<string, string>, reply: sendUnaryData<string>) {
      if (call.request === 'mumble') return reply({ code: status.INVALID_ARGUMENT, details: 'nothing to shout' })
      const seen = new Metadata()
      seen.set('x-seen', call.metadata.get('x-word')[0] ?? '')
      call.sendMetadata(seen)
      const trailer = new Metadata()
      trailer.set('x-count-bin', Buffer.of(call.request.length))
      reply(null, call.request.toUpperCase(), trailer)
    },
    spell(call: ServerWritableStream<string, string>) {
      for (const letter of call.request) call.write(letter)
      call.end()
    },
    echo(call: ServerDuplexStream<string, string>) {
      call.on('data', (word: string) => call.write(word)).on('end', () => call.end())
    },
    sleep(call: ServerUnaryCall<string, string>) {
      call.on('cancelled', () => cancelled++)
    },
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound)
      else reject(error)
    })
  })
  after(() => server.forceShutdown())
  return { port, cancelled: () => cancelled }
}

function connect(door: Door, over: 'TLS' | 'clear text'): Client {
  const trusting = credentials.createSsl(null, null, null, { rejectUnauthorized: false })
  const client =
    over === 'TLS'
      ? new Client(`localhost:${door.https}`, trusting)
      : new Client(`localhost:${door.http}`, credentials.createInsecure())
  after(() => client.close())
  return client
}

type Answer = { readonly text: string | undefined; readonly error: ServiceError | null; readonly trailer: Metadata }

function callUnary(
  client: Client,
  { path }: MethodDefinition<string, string>,
  {
    text,
    metadata = new Metadata(),
    deadline = Date.now() + 10_000,
  }: { readonly text: string; readonly metadata?: Metadata; readonly deadline?: number },
): Promise<Answer & { readonly head: Metadata }> {
  return new Promise((resolve) => {
    let head = new Metadata()
    let last: Pick<Answer, 'text' | 'error'> | undefined
    let trailer: Metadata | undefined
    const done = (): void => {
      if (last !== undefined && trailer !== undefined) resolve({ ...last, trailer, head })
    }
    client
      .makeUnaryRequest(path, serialize, deserialize, text, metadata, { deadline }, (error, answer) => {
        last = { error, text: answer }
        done()
      })
      .on('metadata', (each: Metadata) => (head = each))
      .on('status', (each) => {
        trailer = each.metadata
        done()
      })
  })
}

describeLanes(() => {
  describe.each(['TLS', 'clear text'] as const)('a gRPC client over %s', (over) => {
    if (over === 'clear text') leftToGeneral('http2')

    async function open(): Promise<{ readonly client: Client; readonly door: Door; readonly cancelled: () => number }> {
      const { port, cancelled } = await startWords()
      const door = await openDoor({ upstream: { protocol: 'grpc' }, endpoints: [port] })
      return { client: connect(door, over), door, cancelled }
    }

    test('calls with metadata and gets its answer, metadata and trailers', async () => {
      const { client } = await open()
      const metadata = new Metadata()
      metadata.set('x-word', 'quiet')
      const { text, error, head, trailer } = await callUnary(client, words.shout, { text: 'hello', metadata })
      expect({ text, error }).toEqual({ text: 'HELLO', error: null })
      expect(head.get('x-seen')).toEqual(['quiet'])
      expect(trailer.get('x-count-bin')).toEqual([Buffer.of(5)])
    })

    test('gets the status of a call that fails', async () => {
      const { client } = await open()
      expect((await callUnary(client, words.shout, { text: 'mumble' })).error).toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: 'nothing to shout',
      })
    })

    test('reads a stream of answers to its end', async () => {
      const { client } = await open()
      const stream = client.makeServerStreamRequest(words.spell.path, serialize, deserialize, 'genkan')
      let text = ''
      stream.on('data', (letter: string) => (text += letter))
      const [end] = (await once(stream, 'status')) as [{ readonly code: number }]
      expect([text, end.code]).toEqual(['genkan', status.OK])
    })

    test('speaks and listens at once', async () => {
      const { client } = await open()
      const stream = client.makeBidiStreamRequest(words.echo.path, serialize, deserialize)
      for (const word of ['one', 'two', 'three']) {
        stream.write(word)
        expect(await once(stream, 'data')).toEqual([word])
      }
      stream.end()
      stream.resume()
      expect(await once(stream, 'status')).toMatchObject([{ code: status.OK }])
    })

    test('gives up at its deadline, and so does the call', async () => {
      const { client, door, cancelled } = await open()
      const { error } = await callUnary(client, words.sleep, { text: 'well', deadline: Date.now() + 100 })
      expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED })
      await until(() => cancelled() === 1 && door.inFlight() === 0)
    })

    test('is told in its own words when no endpoint is ready', async () => {
      const door = await openDoor({ upstream: { protocol: 'grpc' } })
      const { error } = await callUnary(connect(door, over), words.shout, { text: 'hello' })
      expect(error).toMatchObject({ code: status.UNAVAILABLE })
    })
  })
})
