/**
 * The least of WebSocket that a routing test needs: send one text message, read one back (RFC 6455 section 5).
 */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'

const textOpcode = 1

/** Resolves with the text of the first message. `early` holds bytes read behind the upgrade response. */
export function echoText(socket: Socket, early: Buffer, message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0)
    const onData = (more: Buffer): void => {
      bytes = Buffer.concat([bytes, more])
      const text = takeText(bytes)
      if (text !== undefined) resolve(text)
    }
    socket.on('data', onData)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the WebSocket was closed without a message')))
    if (early.length > 0) onData(early)
    socket.write(textFrame(message))
  })
}

/** A client's frames are masked (RFC 6455 section 5.3). */
function textFrame(message: string): Buffer {
  const payload = Buffer.from(message)
  const mask = randomBytes(4)
  const length =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff])
  const masked = payload.map((byte, index) => byte ^ mask[index % 4]!)
  return Buffer.concat([Buffer.from([0x80 | textOpcode]), length, mask, masked])
}

/** The payload of the first text frame; frames of other kinds (ping) are passed over. */
function takeText(bytes: Buffer): string | undefined {
  let rest = bytes
  while (rest.length >= 2) {
    const opcode = rest[0]! & 0x0f
    const short = rest[1]! & 0x7f
    const isLong = short === 126
    if (isLong && rest.length < 4) return undefined
    const start = isLong ? 4 : 2
    const end = start + (isLong ? rest.readUInt16BE(2) : short)
    if (rest.length < end) return undefined
    if (opcode === textOpcode) return rest.subarray(start, end).toString('utf8')
    rest = rest.subarray(end)
  }
  return undefined
}
