/**
 * Long-lived exchanges of every kind through a front door, which say whether they have lived: WebSockets that echo,
 * server-sent events, and streams of one HTTP/2 connection.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { connect } from 'node:http2'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

export type StreamOrigin = { readonly port: number; close(): void }

/** Answers `/` with `ok`, `/events` with a number every few milliseconds until told to stop, and WebSockets with an echo. */
export async function startStreamOrigin(): Promise<StreamOrigin> {
  const server: Server = createServer((request, response) => answer(request, response))
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // A server that listens on TCP has an address with a port.
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
    },
  }
}

const eventMs = 20

function answer(request: IncomingMessage, response: ServerResponse): void {
  response.on('error', () => {})
  if (!request.url!.startsWith('/events')) {
    response.end('ok')
    return
  }
  let number = 0
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const timer = setInterval(() => response.write(`data: ${number++}\n\n`), eventMs)
  response.on('close', () => clearInterval(timer))
}

export type OpenStreams = {
  /** What has gone wrong so far: closed, reset, or an event missing. */
  readonly broken: readonly string[]
  /** Resolves when every stream has carried something that was sent after the call; rejects after ten seconds. */
  alive(): Promise<void>
  close(): void
}

export type OpenStreamsInit = {
  readonly http: number
  readonly https: number
  readonly host: string
  readonly each: number
}

/** `each` streams of each kind. */
export async function openStreams({ http, https, host, each }: OpenStreamsInit): Promise<OpenStreams> {
  const broken: string[] = []
  const session = await openSession(https)
  const numbers = Array.from({ length: each }, (_, index) => index)
  const streams = await Promise.all([
    ...numbers.map((index) => openSocket(http, host, `WebSocket ${index}`, broken)),
    ...numbers.map((index) => openEvents(http, host, `events ${index}`, broken)),
    ...numbers.map((index) => openH2(session, host, `h2 stream ${index}`, broken)),
  ])
  let closing = false
  return {
    get broken() {
      return closing ? [] : broken
    },
    alive: async () => {
      await Promise.all(streams.map((stream) => within(stream.beat(), `${stream.name} is silent`)))
    },
    close: () => {
      closing = true
      for (const stream of streams) stream.close()
      session.destroy()
    },
  }
}

type Stream = { readonly name: string; beat(): Promise<void>; close(): void }

function openSocket(port: number, host: string, name: string, broken: string[]): Promise<Stream> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers: { host } })
  return new Promise((resolve, reject) => {
    socket.on('error', (error) => {
      broken.push(`${name}: ${error.message}`)
      reject(error)
    })
    socket.on('close', (code) => void broken.push(`${name}: closed with ${code}`))
    const beat = (): Promise<void> =>
      new Promise((heard) => {
        socket.once('message', () => heard())
        socket.send('beat')
      })
    socket.on('open', () => resolve({ name, beat, close: () => socket.terminate() }))
  })
}

function openEvents(port: number, host: string, name: string, broken: string[]): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', path: '/events', headers: { host }, agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${name}: ${response.statusCode}`))
      const hear = listener(name, broken)
      response.on('data', (chunk: Buffer) => hear.read(chunk.toString()))
      response.on('close', () => void broken.push(`${name}: closed`))
      response.on('error', () => {})
      resolve({ name, beat: hear.beat, close: () => request.destroy() })
    })
    request.on('error', reject)
  })
}

function openSession(port: number): Promise<ClientHttp2Session> {
  const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
  return new Promise((resolve, reject) => {
    session.once('connect', () => resolve(session))
    session.on('error', reject)
  })
}

function openH2(session: ClientHttp2Session, host: string, name: string, broken: string[]): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const stream: ClientHttp2Stream = session.request({ ':path': '/events', ':authority': host })
    const hear = listener(name, broken)
    stream.on('response', (head) => {
      if (head[':status'] === 200) resolve({ name, beat: hear.beat, close: () => stream.destroy() })
      else reject(new Error(`${name}: ${head[':status']}`))
    })
    stream.on('data', (chunk: Buffer) => hear.read(chunk.toString()))
    stream.on('error', () => {})
    stream.on('close', () => void broken.push(`${name}: closed`))
  })
}

/** Reads numbered events and notices when one is missing. */
function listener(
  name: string,
  broken: string[],
): { readonly read: (text: string) => void; readonly beat: () => Promise<void> } {
  let rest = ''
  let next = 0
  let waiting: (() => void)[] = []
  const read = (text: string): void => {
    const events = (rest + text).split('\n\n')
    rest = events.pop()!
    for (const event of events) if (event !== `data: ${next++}`) broken.push(`${name}: ${event} instead of ${next - 1}`)
    for (const heard of waiting.splice(0)) heard()
  }
  // Two, for what is on its way already says nothing of what comes.
  const one = (): Promise<void> => new Promise((heard) => void waiting.push(heard))
  return { read, beat: () => one().then(one) }
}

async function within(work: Promise<void>, complaint: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(complaint)), 10_000)))
  await Promise.race([work, late])
  clearTimeout(timer)
}
