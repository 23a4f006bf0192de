/**
 * Our own answers to gRPC clients: they look at `grpc-status`, never at the status of HTTP, which must be 200 for that
 * field to be read. Written as gRPC's Trailers-Only form: a head without a body.
 */
import { get } from '#http/fields.ts'
import { startsWithLower, trimOws } from '#http/grammar.ts'
import type { RequestHead } from '#http/head.ts'
import type { Reply } from '#policy/policy.ts'

/** By the table that gRPC gives clients for answers without a status of its own (http-grpc-status-mapping). */
const codes: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
}
const unknown = 2

export function isGrpc({ fields }: RequestHead): boolean {
  const type = trimOws(get(fields, 'content-type') ?? '')
  // Not application/grpc-web, whose clients read the status of HTTP.
  return startsWithLower(type, 'application/grpc') && !startsWithLower(type, 'application/grpc-web')
}

/** The same refusal in gRPC's words; whatever else the fields say stays. Answers below 400 are left as they are. */
export function grpcReply(reply: Reply): Reply {
  const { status, fields, body } = reply
  if (status < 400) return reply
  const kept: string[] = []
  for (let at = 0; at < fields.length; at += 2)
    if (fields[at]!.toLowerCase() !== 'content-type') kept.push(fields[at]!, fields[at + 1]!)
  const code = String(codes[status] ?? unknown)
  const message = percentEncoded(body.trim() === '' ? `HTTP ${status}` : body.trim())
  return {
    ...reply,
    status: 200,
    fields: ['Content-Type', 'application/grpc', 'grpc-status', code, 'grpc-message', message, ...kept],
    body: '',
  }
}

/** As gRPC over HTTP/2 asks for: everything but printable ASCII, and the percent sign. */
function percentEncoded(text: string): string {
  let out = ''
  for (const byte of Buffer.from(text.slice(0, 256))) {
    out +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
