/** An endpoint that answers one request with scripted bytes, and every other one properly. */
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type Delivery, deliver } from './wire-client.ts'

/** What the first request for `/first` gets. */
export type Script = {
  readonly bytes: Buffer
  readonly delivery: Delivery
  /** Behind the bytes: keep the connection, FIN, RST, or a proper answer followed by one that nobody asked for. */
  readonly end: 'keep' | 'fin' | 'rst' | 'hang' | 'unsolicited'
}

/** Requests in the order they came, with the connection they came on. */
export type Arrival = { readonly connection: number; readonly line: string }

export interface ScriptedOrigin {
  readonly port: number
  arrivals(): readonly Arrival[]
  /** Cuts all connections and starts over with another script. */
  play(script: Script): void
  close(): void
}

const proper = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n'

/** Listens on a free port of loopback. A second try of the scripted request is answered with `retry!`. */
export async function startScriptedOrigin(): Promise<ScriptedOrigin> {
  let script: Script | undefined
  let arrivals: Arrival[] = []
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const connection = ++connections
    let pending = ''
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (data) => {
      pending += data.toString('latin1')
      for (let end = requestEnd(pending); end > 0; end = requestEnd(pending)) {
        const line = pending.slice(0, pending.indexOf('\r\n'))
        pending = pending.slice(end)
        const scripted = / \/first/.test(line) && !arrivals.some((each) => / \/first/.test(each.line))
        arrivals.push({ connection, line })
        if (scripted && script !== undefined) void play(socket, script)
        else socket.write(`${proper}${line.startsWith('HEAD') ? '' : / \/second/.test(line) ? 'second' : 'retry!'}`)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    // A server that listens on TCP has an address with a port.
    port: (server.address() as AddressInfo).port,
    arrivals: () => arrivals,
    play: (next) => {
      cut()
      script = next
      arrivals = []
    },
    close: () => {
      server.close()
      cut()
    },
  }
}

/** Where the first complete request ends; 0 while there is none. */
function requestEnd(pending: string): number {
  const head = pending.indexOf('\r\n\r\n')
  if (head < 0) return 0
  const length = Number(/\r\ncontent-length:\s*(\d+)/i.exec(pending.slice(0, head))?.[1] ?? 0)
  return pending.length < head + 4 + length ? 0 : head + 4 + length
}

async function play(socket: Socket, { bytes, delivery, end }: Script): Promise<void> {
  if (end === 'unsolicited') {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    await pause(60)
    socket.write(`${proper}poison`)
    return
  }
  if (bytes.length > 0) await deliver(socket, bytes, delivery)
  // Bytes and their end are seen as two events.
  await pause(30)
  if (end === 'fin') socket.end()
  else if (end === 'rst') socket.resetAndDestroy()
}
