/** An endpoint that answers every request with `ok` and remembers every byte it was sent. */
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { type ReadRequest, StrictReader, WireFault } from './strict-reader.ts'

export type Recording = {
  /** All bytes, one character each, in the order they came. */
  raw: string
  readonly requests: ReadRequest[]
  /** What a strict reader refuses in them. */
  readonly faults: string[]
}

export interface RecordingOrigin {
  readonly port: number
  /** What came since the last call of `forget`. */
  recording(): Recording
  /** Starts a new recording, and cuts connections that stand in the middle of a message. */
  forget(): void
  close(): void
}

/** Listens on a free port of loopback. `onActivity` is called for every read. */
export async function startRecordingOrigin(onActivity: () => void = () => {}): Promise<RecordingOrigin> {
  let recording: Recording = fresh()
  const connections = new Map<Socket, StrictReader>()
  const server = createServer((socket) => {
    const reader = new StrictReader((request) => {
      recording.requests.push(request)
      answer(socket, request)
    })
    connections.set(socket, reader)
    let told: unknown
    socket.on('error', () => {})
    socket.on('close', () => connections.delete(socket))
    socket.on('data', (data) => {
      onActivity()
      recording.raw += data.toString('latin1')
      try {
        reader.push(data.toString('latin1'))
      } catch (error) {
        if (!(error instanceof WireFault)) throw error
        recording.faults.push(error.message)
        connections.delete(socket)
        socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
        return
      }
      const waiting = reader.unfinished
      if (waiting === undefined || waiting === told || !/100-continue/i.test(waiting.fields.get('expect') ?? '')) return
      told = waiting
      socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // A server that listens on TCP has an address with a port.
    port: (server.address() as AddressInfo).port,
    recording: () => recording,
    forget: () => {
      recording = fresh()
      for (const [socket, reader] of connections) if (!reader.idle) socket.destroy()
    },
    close: () => {
      server.close()
      for (const socket of connections.keys()) socket.destroy()
    },
  }
}

function fresh(): Recording {
  return { raw: '', requests: [], faults: [] }
}

function answer(socket: Socket, { method, minor, fields }: ReadRequest): void {
  const options = fields.get('connection') ?? ''
  const close = /close/i.test(options) || (minor === '0' && !/keep-alive/i.test(options))
  const head = `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${close ? 'Connection: close\r\n' : ''}\r\n`
  socket.write(method === 'HEAD' ? head : `${head}ok`)
  if (close) socket.end()
}
