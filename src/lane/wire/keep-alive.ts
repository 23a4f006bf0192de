/** How long a connection to an endpoint may be kept (RFC 9112 section 9.3). */
import { all, listMembers } from '#http/fields.ts'
import { equalsLower } from '#http/grammar.ts'
import type { HttpVersion } from '#http/head.ts'

/** Taken off what an endpoint promises: a request on its way must not meet the end of the connection. */
const onTheWayMs = 1_000

/**
 * Milliseconds the connection may idle after a response with these fields, at most `longestMs`; 0 when it must not be
 * used again. Endpoints that say `Keep-Alive: timeout=N` are believed.
 */
export function persistence(version: HttpVersion, fields: readonly string[], longestMs: number): number {
  if (version !== '1.1') return 0
  let ms = longestMs
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!
    if (name.length !== 10) continue
    if (equalsLower(name, 'connection') && listsClose(fields[at + 1]!)) return 0
    if (equalsLower(name, 'keep-alive')) ms = Math.min(ms, promised(fields[at + 1]!))
  }
  return Math.max(0, ms)
}

/**
 * Whether nothing may follow a request with these fields, or these trailers. Proxy-Connection (de facto) is believed
 * like Connection, as node does: a reader that takes it for the end must not be followed by one that does not.
 */
export function asksToClose(fields: readonly string[]): boolean {
  return all(fields, 'connection').some(listsClose) || all(fields, 'proxy-connection').some(listsClose)
}

/** Whether `close` is among the members of a Connection value. */
function listsClose(connection: string): boolean {
  if (connection === '' || equalsLower(connection, 'keep-alive')) return false
  return equalsLower(connection, 'close') || listMembers(connection).some((member) => equalsLower(member, 'close'))
}

function promised(value: string): number {
  const seconds = /(?:^|[,\s])timeout\s*=\s*"?(\d{1,6})/i.exec(value)?.[1]
  return seconds === undefined ? Infinity : Number(seconds) * 1000 - onTheWayMs
}
