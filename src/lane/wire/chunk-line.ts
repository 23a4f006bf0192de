/**
 * The line in front of a chunk (RFC 9112 section 7.1): its size, and extensions that are checked and ignored. Read byte
 * by byte, since it may be cut anywhere.
 */
import { tableOf } from '#http/grammar.ts'

/** What is expected next, or how it ended. */
type State =
  'size' | 'lf' | 'name' | 'nameRest' | 'value' | 'valueRest' | 'quoted' | 'escaped' | 'quotedEnd' | 'done' | 'broken'

export type ChunkLine = {
  state: State
  size: number
  digits: number
  /** Of all lines of the body: a client must not make us read more extension than data for ever. */
  extensionBytes: number
}

/** Leading zeros included; more are refused before they can overflow anything. */
const longestSize = 16
const longestExtensions = 16 * 1024

const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const QUOTE = 0x22
const BACKSLASH = 0x5c

const notHex = 16
const hexValue = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase())
  return digit < 0 || code > 0x7f ? notHex : digit
})
const tokenByte = tableOf((code) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(code)))
const quotedByte = tableOf((code) => code >= 0x20 && code < 0x7f)

export function newChunkLine(): ChunkLine {
  return { state: 'size', size: 0, digits: 0, extensionBytes: 0 }
}

export function startChunkLine(line: ChunkLine): void {
  line.state = 'size'
  line.size = 0
  line.digits = 0
}

/** Reads on; returns the index of the first byte it did not need. `state` says whether the line is `done` or `broken`. */
export function readChunkLine(line: ChunkLine, bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && line.state !== 'done' && line.state !== 'broken') {
    const code = bytes[at++]!
    if (line.state === 'size') line.state = afterDigit(line, code)
    else if (line.state === 'lf') line.state = code === LF ? 'done' : 'broken'
    else line.state = afterExtension(line, code)
  }
  return at
}

function afterDigit(line: ChunkLine, code: number): State {
  const digit = hexValue[code]!
  if (digit !== notHex) {
    line.size = line.size * 16 + digit
    return ++line.digits > longestSize || line.size > Number.MAX_SAFE_INTEGER ? 'broken' : 'size'
  }
  if (line.digits === 0) return 'broken'
  return code === CR ? 'lf' : code === SEMICOLON ? 'name' : 'broken'
}

/** `;name`, `;name=token` or `;name="quoted"`, without white space anywhere but in quotes. */
function afterExtension(line: ChunkLine, code: number): State {
  if (++line.extensionBytes > longestExtensions) return 'broken'
  switch (line.state) {
    case 'name':
      return tokenByte[code] === 1 ? 'nameRest' : 'broken'
    case 'nameRest':
      if (tokenByte[code] === 1) return 'nameRest'
      return code === EQUALS ? 'value' : afterMember(code)
    case 'value':
      if (code === QUOTE) return 'quoted'
      return tokenByte[code] === 1 ? 'valueRest' : 'broken'
    case 'valueRest':
      return tokenByte[code] === 1 ? 'valueRest' : afterMember(code)
    case 'quoted':
      if (code === QUOTE) return 'quotedEnd'
      return code === BACKSLASH ? 'escaped' : quotedByte[code] === 1 ? 'quoted' : 'broken'
    case 'escaped':
      return quotedByte[code] === 1 ? 'quoted' : 'broken'
    default:
      return afterMember(code)
  }
}

function afterMember(code: number): State {
  return code === CR ? 'lf' : code === SEMICOLON ? 'name' : 'broken'
}
