/**
 * Fields that belong to one connection and end with it (RFC 9110 section 7.6.1), and those the Connection field may
 * name without effect.
 */
import { all, listMembers } from './fields.ts'
import { equalsLower, nameSet } from './grammar.ts'

/** Content-Length is among them because framing is always written anew from what we understood. */
const fixed = nameSet([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'content-length',
])

/** Whether the field never crosses us as received, whatever Connection says. */
export const isHopByHop = fixed

/**
 * A test for the names in the Connection lines. Most messages have none, or only `close` and `keep-alive`, and then the
 * test is a constant.
 */
export function connectionListed(fields: readonly string[]): (name: string) => boolean {
  const listed: string[] = []
  for (const value of all(fields, 'connection')) {
    if (value === '' || equalsLower(value, 'close') || equalsLower(value, 'keep-alive')) continue
    for (const member of listMembers(value)) listed.push(member.toLowerCase())
  }
  return listed.length === 0 ? never : nameSet(listed)
}

function never(): boolean {
  return false
}
