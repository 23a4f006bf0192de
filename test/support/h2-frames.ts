/** HTTP/2 frames by hand (RFC 9113 section 4.1), for what no client library would send. */

/** The connection preface and empty SETTINGS. */
export const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)])

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** `:method`, `:scheme: http`, `:path: /`, `:authority: a.test`, and fields as literals (RFC 7541 section 6.2.2). */
export function headersFrame(
  stream: number,
  method: 'GET' | 'POST',
  options: { readonly fields?: readonly [string, string][]; readonly end?: boolean } = {},
): Buffer {
  const fixed = Buffer.from([method === 'GET' ? 0x82 : 0x83, 0x86, 0x84, 0x41, 6, ...Buffer.from('a.test')])
  const fields = (options.fields ?? []).flatMap(([name, value]) => [
    0,
    name.length,
    ...Buffer.from(name),
    value.length,
    ...Buffer.from(value, 'latin1'),
  ])
  return frame(1, options.end === true ? 5 : 4, stream, Buffer.concat([fixed, Buffer.from(fields)]))
}

export function dataFrame(stream: number, text: string, end = false): Buffer {
  return frame(0, end ? 1 : 0, stream, Buffer.from(text, 'latin1'))
}

export function resetFrame(stream: number, code: number): Buffer {
  return frame(3, 0, stream, Buffer.from([0, 0, 0, code]))
}

/** The error codes of all GOAWAY among received frames, one character per byte. */
export function goawayCodes(received: string): number[] {
  const bytes = Buffer.from(received, 'latin1')
  const codes: number[] = []
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === 7 && at + 17 <= bytes.length) codes.push(bytes.readUInt32BE(at + 13))
  }
  return codes
}

export type Frame = { readonly type: number; readonly flags: number; readonly stream: number; readonly payload: Buffer }

/** The complete frames among received bytes, one character per byte. */
export function framesOf(received: string): Frame[] {
  const bytes = Buffer.from(received, 'latin1')
  const frames: Frame[] = []
  for (let at = 0; at + 9 <= bytes.length;) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, stream, payload: bytes.subarray(at + 9, end) })
    at = end
  }
  return frames
}
