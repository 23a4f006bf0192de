/** An HTTP/2 client over TLS for one test. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2'
import { after } from './closing.ts'

export type H2Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly informational: readonly Readonly<Record<string, unknown>>[]
  readonly trailers: Readonly<Record<string, unknown>>
  readonly body: string
  /** RST_STREAM's code; 0 for a clean end. */
  readonly rstCode: number
}

/** `client`: PEM with certificates and key of the client. */
export function connectH2(port: number, serverName = 'a.test', client?: string): Promise<ClientHttp2Session> {
  const shown = client === undefined ? {} : { cert: client, key: client }
  return connected(
    connect(`https://localhost:${port}`, { rejectUnauthorized: false, servername: serverName, ...shown }),
  )
}

/** The same without encryption, by prior knowledge. */
export function connectClearH2(port: number): Promise<ClientHttp2Session> {
  return connected(connect(`http://127.0.0.1:${port}`))
}

async function connected(session: ClientHttp2Session): Promise<ClientHttp2Session> {
  session.on('error', () => {})
  after(() => session.destroy())
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve())
    session.once('error', reject)
  })
  return session
}

/** Sends a request without a body, or with it, and resolves when the stream is closed, however that was. */
export function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<H2Answer> {
  const stream = session.request({ ':authority': 'a.test', ...headers }, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  return answerOf(stream)
}

export function answerOf(stream: ClientHttp2Stream): Promise<H2Answer> {
  return new Promise((resolve) => {
    let body = ''
    let headers: Record<string, unknown> = {}
    let trailers: Record<string, unknown> = {}
    const informational: Record<string, unknown>[] = []
    stream.on('headers', (each) => informational.push({ ...each }))
    stream.on('response', (each) => (headers = { ...each }))
    stream.on('trailers', (each) => (trailers = { ...each }))
    stream.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')))
    stream.on('error', () => {})
    stream.on('close', () =>
      resolve({
        status: Number(headers[':status'] ?? 0),
        headers,
        informational,
        trailers,
        body,
        rstCode: stream.rstCode ?? 0,
      }),
    )
  })
}
