/**
 * What a stand-in speaks on its connections: one protocol, or whichever a connection begins with. So a manifest may have
 * the front door speak TLS, HTTP/2 or gRPC to its Pods, and whoever stands in for them needs no word about it.
 */
import { createServer as createHttp2Server } from 'node:http2'
import type { IncomingMessage } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import type { Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Duplex } from 'node:stream'
import { generate } from 'selfsigned'
import type { StandInProtocol } from './stand-in.ts'
import type { Exchange } from './stand-in-answer.ts'
import { answer, receivedHead } from './stand-in-answer.ts'
import { answerGrpc, asksForGrpc } from './stand-in-grpc.ts'
import { asksForWebSocket, echoWebSocket } from './websocket-echo.ts'

/** Takes a connection over. Errors of the connection itself are its owner's. */
export type Speech = (socket: Socket) => void

export function speechOf(protocol: StandInProtocol, exchange: Exchange): Speech {
  switch (protocol) {
    case 'http':
    case 'websocket-echo':
      return http1(exchange)
    case 'h2c':
      return http2(exchange)
    case 'https':
      return tls({ 'http/1.1': http1(exchange) })
    case 'any': {
      const clear = { http1: http1(exchange), http2: http2(exchange) }
      // In this order: of two that a client offers, HTTP/2 is taken.
      return whichever({ ...clear, tls: tls({ h2: clear.http2, 'http/1.1': clear.http1 }) })
    }
  }
}

/** Longer than any proxy keeps an idle connection, so that the proxy and not the stand-in ends it. */
const keepAliveMs = 3_600_000
const maxHeaderBytes = 256 * 1024

function http1(exchange: Exchange): Speech {
  const server = createHttpServer({
    keepAliveTimeout: keepAliveMs,
    requestTimeout: 0,
    maxHeaderSize: maxHeaderBytes,
    shouldUpgradeCallback: (request: IncomingMessage) =>
      asksForWebSocket(request) && exchange.behaviour().reply === undefined,
  })
  server.on('request', (request, response) => void answer(exchange, request, response))
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, early: Buffer) => {
    exchange.onHead()
    exchange.onRequest({ ...receivedHead(exchange.identity, request), body: '' })
    echoWebSocket(request, socket, early)
  })
  return handTo(server)
}

function http2(exchange: Exchange): Speech {
  const server = createHttp2Server()
  server.on('request', (request, response) => {
    if (asksForGrpc(request)) void answerGrpc(exchange, request, response)
    else void answer(exchange, request, response)
  })
  return handTo(server)
}

/**
 * The protocol is the one agreed on (RFC 7301), HTTP/1.1 with clients that offer none. A client certificate is asked for
 * and never required: the echo tells whether there was one. Our own is made when somebody first needs it.
 */
function tls(speeches: { readonly h2?: Speech; readonly 'http/1.1': Speech }): Speech {
  const create = async (): Promise<Server> => {
    const secrets = await createCertificate()
    const asking = { requestCert: true, rejectUnauthorized: false }
    const server = createTlsServer({ ...secrets, ...asking, ALPNProtocols: Object.keys(speeches) })
    server.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy())
      const agreed = socket.alpnProtocol === 'h2' ? speeches.h2 : undefined
      const speech = agreed ?? speeches['http/1.1']
      speech(socket)
    })
    return server
  }
  let created: Promise<Server> | undefined
  return (socket) => {
    created ??= create()
    created.then(
      (server) => server.emit('connection', socket),
      () => socket.destroy(),
    )
  }
}

type Speeches = { readonly http1: Speech; readonly http2: Speech; readonly tls: Speech }

function whichever(speeches: Speeches): Speech {
  return (socket) => {
    let held = Buffer.alloc(0)
    const hear = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      const beginning = beginningOf(held)
      if (beginning === undefined) return
      socket.off('data', hear)
      socket.off('end', leave)
      socket.pause()
      socket.unshift(held)
      speeches[beginning](socket)
      // Node's HTTP/1.1 server reads a socket that flows; the others take what is there and read by themselves.
      if (beginning === 'http1') socket.resume()
    }
    // Whoever connects and says nothing, as a tcpSocket probe, only wants to know that somebody is there.
    const leave = () => socket.end()
    socket.on('data', hear)
    socket.on('end', leave)
  }
}

/** A handshake record (RFC 8446 section 5.1), which no text begins with. */
const handshake = 0x16
/** How a client that knows of HTTP/2 begins (RFC 9113 section 3.4), as far as no HTTP/1 request goes. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n')

/** `undefined` while the bytes do not tell. */
function beginningOf(bytes: Buffer): keyof Speeches | undefined {
  if (bytes[0] === handshake) return 'tls'
  const length = Math.min(bytes.length, preface.length)
  if (!bytes.subarray(0, length).equals(preface.subarray(0, length))) return 'http1'
  return length === preface.length ? 'http2' : undefined
}

/** The server never listens: it is given connections. */
function handTo(server: Pick<Server, 'emit'>): Speech {
  return (socket) => void server.emit('connection', socket)
}

async function createCertificate(): Promise<{ key: string; cert: string }> {
  const name = [{ name: 'commonName', value: 'stand-in' }]
  const { private: key, cert } = await generate(name, { keyType: 'ec', algorithm: 'sha256' })
  return { key, cert }
}
