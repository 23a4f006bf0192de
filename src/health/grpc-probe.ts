/**
 * `grpc`: one call of grpc.health.v1.Health/Check over clear-text HTTP/2; `SERVING` is a success. The two messages of
 * that call are small enough to be read and written here: a request has a string as field 1, a response an enum.
 */
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:http2'
import type { ProbeSpec } from '#snapshot/snapshot.ts'
import { maxProbeBytes, printTarget, probeUserAgent } from './probe.ts'
import type { ProbeOutcome, ProbeTarget } from './probe.ts'

export type GrpcAction = Extract<ProbeSpec['action'], { kind: 'grpc' }>

/** Rejects with the connection's error when there is no answer. */
export async function probeGrpc(
  { service }: GrpcAction,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const session = connect(`http://${printTarget(target)}`, { settings: { enablePush: false } })
  const broken = new Promise<never>((_, reject) => session.on('error', reject))
  const giveUp = (): void => session.destroy()
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'user-agent': probeUserAgent,
      te: 'trailers',
    })
    stream.end(encodeRequest(service))
    return await Promise.race([readAnswer(stream), broken])
  } finally {
    signal.removeEventListener('abort', giveUp)
    session.destroy()
  }
}

/** Length-prefixed as gRPC over HTTP/2 has it: not compressed, four bytes of length, the message. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8')
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** `undefined` for bytes that are no HealthCheckResponse; an absent status is 0, as proto3 has it. */
export function decodeStatus(bytes: Buffer): number | undefined {
  if (bytes.length < 5 || bytes[0] !== 0 || bytes.readUInt32BE(1) > bytes.length - 5) return undefined
  const message = bytes.subarray(5, 5 + bytes.readUInt32BE(1))
  let status = 0
  let at = 0
  while (at < message.length) {
    const key = readVarint(message, at)
    const value = key === undefined ? undefined : readVarint(message, key.end)
    if (key === undefined || value === undefined) return undefined
    // Fields we do not know are skipped: varints end where they end, texts after their length.
    const wire = key.value & 7
    if (wire !== 0 && wire !== 2) return undefined
    if (wire === 0 && key.value >> 3 === 1) status = value.value
    at = wire === 2 ? value.end + value.value : value.end
  }
  return at === message.length ? status : undefined
}

async function readAnswer(stream: ClientHttp2Stream): Promise<ProbeOutcome> {
  let head: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  stream.once('response', (fields) => (head = fields))
  stream.once('trailers', (fields) => (trailers = fields))
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    // Nothing sets an encoding, so chunks are Buffers.
    const data = chunk as Buffer
    bytes += data.length
    if (bytes > maxProbeBytes) return { ok: false, says: `an answer of more than ${maxProbeBytes} bytes` }
    chunks.push(data)
  }
  if (head[':status'] !== undefined && Number(head[':status']) !== 200)
    return { ok: false, says: `HTTP ${String(head[':status'])}, which no gRPC service answers` }
  // An answer of trailers alone has them where the head would be.
  const code = trailers['grpc-status'] ?? head['grpc-status']
  if (code !== '0')
    return {
      ok: false,
      says:
        code === undefined
          ? 'the answer has no grpc-status'
          : `grpc-status ${String(code)}${code === '5' ? ' (it does not know the service)' : code === '12' ? ' (it has no health service)' : ''}`,
    }
  const status = decodeStatus(Buffer.concat(chunks))
  if (status === undefined) return { ok: false, says: 'the answer is no HealthCheckResponse' }
  return { ok: status === 1, says: names[status] ?? `status ${status}` }
}

const names = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}

/** Up to 28 bits are plenty for what is read here. */
function readVarint(bytes: Buffer, from: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0
  for (let at = from; at < bytes.length && at < from + 4; at++) {
    value |= (bytes[at]! & 127) << (7 * (at - from))
    if (bytes[at]! < 128) return { value, end: at + 1 }
  }
  return undefined
}
