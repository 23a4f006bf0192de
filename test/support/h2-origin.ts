/** Endpoints that speak HTTP/2, in clear text or over TLS, scripted stream by stream. */
import {
  createSecureServer,
  createServer,
  type Http2Session,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after } from './closing.ts'

export type H2Origin = {
  readonly port: number
  /** Connections now open. */
  readonly sessions: ReadonlySet<Http2Session>
  /** Connections ever made. */
  accepted(): number
}

export type H2Script = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, number: number) => void

/** Listens on a free port of loopback and is closed when the test ends. With `tls` over TLS. */
export async function startH2Origin(
  script: H2Script,
  { tls, settings }: { readonly tls?: SecureServerOptions; readonly settings?: ServerOptions['settings'] } = {},
): Promise<H2Origin> {
  const server = tls === undefined ? createServer({ settings }) : createSecureServer({ settings, ...tls })
  const sessions = new Set<Http2Session>()
  let accepted = 0
  let number = 0
  server.on('session', (session) => {
    accepted++
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
  })
  server.on('sessionError', () => {})
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {})
    script(stream, headers, ++number)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.close()
    for (const session of sessions) session.destroy()
  })
  // A server that listens on TCP has an address with a port.
  return { port: (server.address() as AddressInfo).port, sessions, accepted: () => accepted }
}

/** One gRPC message, uncompressed, in its frame of five bytes. */
export function grpcMessage(text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}
