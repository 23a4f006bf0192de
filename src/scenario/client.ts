/**
 * A client that sends exactly what it is told, one connection per request, and keeps what came back whole.
 */
import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import { proxyHeader } from './proxy-header.ts'
import { fieldOf, ResponseReader, type WireResponse } from './response-reader.ts'
import type { ProxyHeaderSpec } from './scenario.ts'
import { echoText } from './websocket-text.ts'

export type ClientRequest = {
  readonly scheme: 'http' | 'https'
  /** Port on loopback. */
  readonly port: number
  readonly method: string
  readonly target: string
  /** Host without port: the server name of TLS. */
  readonly serverName: string
  /** A PEM file with the client's certificates and key. */
  readonly clientCertificate?: string | undefined
  /** Sent in front of everything else, TLS included. */
  readonly proxyProtocol?: ProxyHeaderSpec | undefined
  /** Name, value, name, value; sent as they are. Holds `host`. */
  readonly fields: readonly string[]
  readonly body: string
  readonly http: '1.1' | '2'
  readonly from: string | undefined
  readonly timeoutMs: number
}

export type ClientResponse = {
  /** 0 when no response came. */
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string
  /** Why there is no response, or no whole one. */
  readonly failure: string | undefined
  readonly certificate: PeerCertificate | undefined
}

/** Never rejects: what goes wrong is part of the answer. */
export async function sendRequest(request: ClientRequest): Promise<ClientResponse> {
  let socket: Socket | undefined
  let certificate: PeerCertificate | undefined
  try {
    socket = await open(request)
    socket.setTimeout(request.timeoutMs, () => socket?.destroy(new Error(`no byte for ${request.timeoutMs} ms`)))
    certificate = 'getPeerCertificate' in socket ? (socket as TLSSocket).getPeerCertificate() : undefined
    const response = await (request.http === '2' ? sendHttp2(request, socket) : sendHttp1(request, socket))
    const failure = response.isTruncated ? 'the connection ended in the middle of the response' : undefined
    return {
      status: response.status,
      fields: response.fields,
      body: response.body.toString('utf8'),
      failure,
      certificate,
    }
  } catch (error) {
    return {
      status: 0,
      fields: [],
      body: '',
      failure: error instanceof Error ? error.message : String(error),
      certificate,
    }
  } finally {
    socket?.destroy()
  }
}

async function open(request: ClientRequest): Promise<Socket> {
  const { scheme, port, from, proxyProtocol } = request
  const to = {
    host: from !== undefined && isIP(from) === 6 ? '::1' : '127.0.0.1',
    port,
    ...(from === undefined ? {} : { localAddress: from }),
  }
  const tcp = connectTcp(to)
  tcp.setNoDelay(true)
  await opened(tcp, 'connect')
  if (proxyProtocol !== undefined) tcp.write(proxyHeader(proxyProtocol)!)
  if (scheme === 'http') return tcp
  const tls = encrypt(tcp, request)
  await opened(tls, 'secureConnect')
  return tls
}

function encrypt(socket: Socket, { serverName, http, clientCertificate }: ClientRequest): TLSSocket {
  const pem = clientCertificate === undefined ? undefined : readFileSync(clientCertificate, 'utf8')
  return connectTls({
    socket,
    // An IP address is no server name (RFC 6066 section 3).
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(pem === undefined ? {} : { cert: pem, key: pem }),
    ALPNProtocols: http === '2' ? ['h2'] : ['http/1.1'],
    // Which certificate is presented is what a scenario asks; whether a stranger would trust it is not.
    rejectUnauthorized: false,
  })
}

function opened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once(event, () => {
      socket.off('error', reject)
      // A reset after the response must not take the process down.
      socket.on('error', () => {})
      resolve()
    })
  })
}

async function sendHttp1(request: ClientRequest, socket: Socket): Promise<WireResponse> {
  const { method, target, fields, body } = request
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (let index = 0; index < fields.length; index += 2) head += `${fields[index]}: ${fields[index + 1]}\r\n`
  const isUpgrade = fieldOf(fields, 'upgrade') !== undefined
  socket.write(Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), Buffer.from(isUpgrade ? '' : body)]))
  const response = await readResponse(method, socket)
  if (response.status !== 101 || fieldOf(response.fields, 'upgrade')?.toLowerCase() !== 'websocket') return response
  return { ...response, body: Buffer.from(await echoText(socket, response.rest, body)) }
}

function readResponse(method: string, socket: Socket): Promise<WireResponse> {
  return new Promise((resolve, reject) => {
    const reader = new ResponseReader(method)
    const finish = (act: () => void): void => {
      socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd)
      act()
    }
    const onData = (bytes: Buffer): void => {
      try {
        const response = reader.push(bytes)
        if (response !== undefined) finish(() => resolve(response))
      } catch (error) {
        finish(() => reject(error))
      }
    }
    const onEnd = (): void =>
      finish(() => {
        const response = reader.end()
        if (response === undefined) reject(new Error('the connection was closed without a response'))
        else resolve(response)
      })
    const onError = (error: Error): void =>
      finish(() => {
        const response = reader.end()
        if (response === undefined) reject(error)
        else resolve({ ...response, isTruncated: true })
      })
    socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd)
  })
}

async function sendHttp2(request: ClientRequest, socket: Socket): Promise<WireResponse> {
  const session = connectHttp2(`${request.scheme}://loopback`, { createConnection: () => socket })
  try {
    return await exchangeHttp2(request, session)
  } finally {
    session.destroy()
  }
}

function exchangeHttp2(
  { scheme, method, target, fields, body }: ClientRequest,
  session: ClientHttp2Session,
): Promise<WireResponse> {
  const names: [string, string][] = []
  for (let index = 0; index < fields.length; index += 2) names.push([fields[index]!.toLowerCase(), fields[index + 1]!])
  const headers: Record<string, string | string[]> = {
    ':method': method,
    ':path': target,
    ':scheme': scheme,
    ':authority': fieldOf(fields, 'host') ?? '',
  }
  const grouped = Map.groupBy(names, ([name]) => name)
  grouped.delete('host')
  for (const [name, values] of grouped) headers[name] = values.map(([, value]) => value)
  return new Promise((resolve, reject) => {
    session.on('error', reject)
    const stream = session.request(headers, { endStream: body === '' })
    const chunks: Buffer[] = []
    let head: { status: number; fields: string[] } | undefined
    const answer = (isTruncated: boolean): void => {
      if (head !== undefined) resolve({ ...head, body: Buffer.concat(chunks), isTruncated, rest: Buffer.alloc(0) })
      else reject(new Error('the stream was closed without a response'))
    }
    stream.on('response', (received) => (head = { status: received[':status'] ?? 0, fields: flatten(received) }))
    stream.on('data', (bytes: Buffer) => chunks.push(bytes))
    stream.on('end', () => answer(false))
    stream.on('error', (error) => (head === undefined ? reject(error) : answer(true)))
    stream.on('close', () => answer(true))
    if (body !== '') stream.end(body)
  })
}

function flatten(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (name.startsWith(':') || value === undefined) return []
    return (Array.isArray(value) ? value : [value]).flatMap((each) => [name, each])
  })
}
