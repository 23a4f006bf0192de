/**
 * One question to one server: UDP, then TCP when the answer was truncated, and once more without EDNS for a server that
 * does not know it. There are no timeouts here; whoever asks cancels.
 */
import { randomInt } from 'node:crypto'
import type { Socket as UdpSocket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { connect, isIP } from 'node:net'
import type { DnsMessage, Question } from './message.ts'
import { decodeAnswer, encodeQuestion } from './message.ts'

export type DnsServer = { readonly host: string; readonly port: number }

/** What came of it: a message of whatever rcode, or the error that stood in its way (`ECONNREFUSED`). */
export type Outcome =
  { readonly kind: 'message'; readonly message: DnsMessage } | { readonly kind: 'error'; readonly code: string }

/** `10.0.0.10`, `10.0.0.10:5353`, `fd00::a`, `[fd00::a]:5353`; `undefined` for anything else. Port 53 by default. */
export function parseServer(text: string): DnsServer | undefined {
  if (isIP(text) !== 0) return { host: text, port: 53 }
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3] ?? 53)
  return isIP(host) !== 0 && port >= 1 && port <= 65_535 ? { host, port } : undefined
}

export function printServer({ host, port }: DnsServer): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * Calls `done` at most once, and never after the returned function was called. Every question has its own socket, so
 * the operating system picks a random port, and a random id (RFC 5452).
 */
export function askServer(question: Question, server: DnsServer, done: (outcome: Outcome) => void): () => void {
  let cancel = viaUdp(question, server, { edns: true, done: onUdp(true) })

  function onUdp(edns: boolean): (outcome: Outcome) => void {
    return (outcome) => {
      const message = outcome.kind === 'message' ? outcome.message : undefined
      if (edns && (message?.rcode === 'FORMERR' || message?.rcode === 'NOTIMP')) {
        cancel = viaUdp(question, server, { edns: false, done: onUdp(false) })
      } else if (message?.truncated === true) {
        cancel = viaTcp(question, server, { edns, done })
      } else {
        done(outcome)
      }
    }
  }

  return () => cancel()
}

type Transfer = { readonly edns: boolean; readonly done: (outcome: Outcome) => void }

function viaUdp(question: Question, server: DnsServer, { edns, done }: Transfer): () => void {
  const id = randomInt(0x10000)
  const socket = createSocket(isIP(server.host) === 6 ? 'udp6' : 'udp4')
  const finish = once((outcome: Outcome | undefined) => {
    closeQuietly(socket)
    if (outcome !== undefined) done(outcome)
  })
  const fail = (error: Error): void => finish({ kind: 'error', code: codeOf(error) })
  socket.unref()
  socket.on('error', fail)
  socket.on('message', (bytes) => {
    const message = decodeAnswer(bytes, question, id)
    if (message !== undefined) finish({ kind: 'message', message })
  })
  // A connected socket hears from this server only, and hears when nobody listens there.
  socket.connect(server.port, server.host, () => {
    if (finish.called()) return
    socket.send(encodeQuestion(question, id, edns), (error) => {
      if (error !== null) fail(error)
    })
  })
  return () => finish(undefined)
}

/** RFC 7766: the message behind its length in two bytes. */
function viaTcp(question: Question, server: DnsServer, { edns, done }: Transfer): () => void {
  const id = randomInt(0x10000)
  const socket = connect({ host: server.host, port: server.port })
  const finish = once((outcome: Outcome | undefined) => {
    socket.destroy()
    if (outcome !== undefined) done(outcome)
  })
  let received = Buffer.alloc(0)
  socket.unref()
  socket.on('error', (error) => finish({ kind: 'error', code: codeOf(error) }))
  socket.on('close', () => finish({ kind: 'error', code: 'ECONNRESET' }))
  socket.on('connect', () => {
    const bytes = encodeQuestion(question, id, edns)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(bytes.length)
    socket.write(Buffer.concat([length, bytes]))
  })
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    if (received.length < 2 || received.length < 2 + received.readUInt16BE()) return
    const message = decodeAnswer(received.subarray(2, 2 + received.readUInt16BE()), question, id)
    const usable = message !== undefined && !message.truncated
    finish(usable ? { kind: 'message', message } : { kind: 'error', code: 'BADANSWER' })
  })
  return () => finish(undefined)
}

type Once<T> = ((value: T) => void) & { readonly called: () => boolean }

function once<T>(run: (value: T) => void): Once<T> {
  let called = false
  const guarded = (value: T): void => {
    if (called) return
    called = true
    run(value)
  }
  return Object.assign(guarded, { called: () => called })
}

function closeQuietly(socket: UdpSocket): void {
  try {
    socket.close()
  } catch {
    // Already closed by an error; there is nothing left to give back.
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
