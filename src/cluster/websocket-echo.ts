/**
 * The server side of a WebSocket that says back what it hears (RFC 6455): handshake, masking, fragments as they come,
 * ping and close. No extensions.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/** Largest message or fragment we take, in bytes. */
const maxFrameBytes = 1 << 20

/** Whether a request asks for a WebSocket at all; whether it does so properly is the handshake's question. */
export function asksForWebSocket({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

/** Takes the connection over. `early` holds bytes that came behind the request. */
export function echoWebSocket(request: IncomingMessage, socket: Duplex, early: Buffer): void {
  socket.on('error', () => socket.destroy())
  const key = request.headers['sec-websocket-key']
  if (request.headers['sec-websocket-version'] !== '13') return void socket.end(refusal('426 Upgrade Required'))
  if (key === undefined || Buffer.from(key, 'base64').length !== 16) return void socket.end(refusal('400 Bad Request'))
  const protocol = request.headers['sec-websocket-protocol']?.split(',')[0]?.trim()
  const chosen = protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]
  const fields = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptFor(key)}`, ...chosen]
  socket.write(headOf('101 Switching Protocols', fields))
  let held = Buffer.alloc(0)
  const receive = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    held = Buffer.from(answerFrames(held, socket))
  }
  socket.on('data', receive)
  socket.on('drain', () => socket.resume())
  receive(early)
}

type Frame = { readonly first: number; readonly payload: Buffer; readonly length: number }

const continuation = 0x0
const binary = 0x2
const close = 0x8
const ping = 0x9
const pong = 0xa

function refusal(status: string): string {
  return headOf(status, ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Content-Length: 0', 'Connection: close'])
}

function headOf(status: string, fields: readonly string[]): string {
  return `${[`HTTP/1.1 ${status}`, ...fields].join('\r\n')}\r\n\r\n`
}

/** RFC 6455 section 4.2.2; the constant is the protocol's own. */
function acceptFor(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** Answers every whole frame and returns what is left of the bytes. */
function answerFrames(received: Buffer, socket: Duplex): Buffer {
  let held = received
  for (;;) {
    const frame = readFrame(held)
    if (frame === undefined || socket.writableEnded) return held
    if (typeof frame === 'number') return end(socket, frame)
    held = held.subarray(frame.length)
    const opcode = frame.first & 0x0f
    if (opcode === close) return end(socket, frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1000)
    const wrote = opcode === pong || writeFrame(socket, opcode === ping ? 0x80 | pong : frame.first, frame.payload)
    if (!wrote) socket.pause()
  }
}

function end(socket: Duplex, code: number): Buffer {
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  writeFrame(socket, 0x80 | close, payload)
  socket.end()
  return Buffer.alloc(0)
}

/** A frame, `undefined` while it is incomplete, or the close code that it earns. */
function readFrame(bytes: Buffer): Frame | number | undefined {
  if (bytes.length < 2) return undefined
  const first = bytes[0]!
  const opcode = first & 0x0f
  const isControl = opcode >= close
  const known = isControl ? opcode <= pong : opcode >= continuation && opcode <= binary
  const short = bytes[1]! & 0x7f
  // Reserved bits, a client that does not mask, a control frame in pieces: section 5.2, 5.1 and 5.5.
  const badControl = isControl && (first < 0x80 || short > 125)
  if ((first & 0x70) !== 0 || !known || (bytes[1]! & 0x80) === 0 || badControl) return 1002
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0
  if (bytes.length < 2 + extra + 4) return undefined
  const size = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  if (size > maxFrameBytes) return 1009
  const start = 2 + extra + 4
  if (bytes.length < start + size) return undefined
  const mask = bytes.subarray(start - 4, start)
  const payload = Buffer.from(bytes.subarray(start, start + size).map((byte, i) => byte ^ mask[i & 3]!))
  return { first, payload, length: start + size }
}

function writeFrame(socket: Duplex, first: number, payload: Buffer): boolean {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = first
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  return socket.write(Buffer.concat([head, payload]))
}
