/** Endpoints of the tests: one that is scripted request by request on node:http, and one on the bare socket. */
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, type Closable } from './closing.ts'

export interface Origin extends Closable {
  readonly port: number
  /** Requests in the order their heads came. */
  readonly requests: readonly IncomingMessage[]
  readonly connections: ReadonlySet<Socket>
  /** How many connections were ever made. */
  accepted(): number
}

/** Listens on a free port of loopback and is closed when the test ends. */
export async function startOrigin(answer: RequestListener): Promise<Origin> {
  const requests: IncomingMessage[] = []
  const server = createHttpServer((request, response) => {
    requests.push(request)
    request.on('error', () => {})
    response.on('error', () => {})
    answer(request, response)
  })
  return serve(server, requests)
}

/** Everything is up to the script; errors of the socket are ignored. */
export async function startRawOrigin(script: (socket: Socket, number: number) => void): Promise<Origin> {
  let number = 0
  return serve(
    createServer((socket) => script(socket, ++number)),
    [],
  )
}

/** Answers every complete head without body with these bytes; `number` counts heads over all connections. */
export async function startScript(script: (socket: Socket, number: number, head: string) => void): Promise<Origin> {
  let number = 0
  return startRawOrigin((socket) => {
    let pending = ''
    socket.on('data', (data) => {
      pending += data.toString('latin1')
      for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
        const head = pending.slice(0, end + 4)
        pending = pending.slice(end + 4)
        script(socket, ++number, head)
      }
    })
  })
}

/** A port of loopback that nothing listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function serve(server: ReturnType<typeof createServer>, requests: IncomingMessage[]): Promise<Origin> {
  const connections = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted++
    connections.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => connections.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    server.close()
    for (const socket of connections) socket.destroy()
  }
  after(close)
  // A server that listens on TCP has an address with a port.
  return { port: (server.address() as AddressInfo).port, requests, connections, accepted: () => accepted, close }
}
