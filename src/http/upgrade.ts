/** What the Connection and Upgrade fields of a request ask for. */
import { listMembers } from './fields.ts'
import type { BodyFraming } from './framing.ts'
import { equalsLower, isToken } from './grammar.ts'
import type { RequestHead } from './head.ts'
import type { RequestFields } from './request-fields.ts'

/**
 * Reads the joined Connection lines (RFC 9110 section 7.6.1): a list of tokens, which cannot take framing away. A
 * string says why the request must be refused.
 */
export function connectionOptions(value: string): { readonly upgrade: boolean } | string {
  let upgrade = false
  if (value === '' || equalsLower(value, 'keep-alive') || equalsLower(value, 'close')) return { upgrade }
  for (const member of listMembers(value)) {
    if (!isToken(member)) return 'connection is not a list of tokens'
    if (equalsLower(member, 'transfer-encoding')) return 'connection lists transfer-encoding'
    if (equalsLower(member, 'upgrade')) upgrade = true
  }
  return { upgrade }
}

/**
 * What a request whose Connection lists `upgrade` may switch to (RFC 9110 section 7.8, RFC 6455 section 4.1). Other
 * protocols are ignored, in HTTP/1.0 all of them; a WebSocket handshake that cannot succeed is refused (`detail`)
 * rather than sent on as a plain request.
 */
export function requestUpgrade(
  { method, version }: RequestHead,
  fields: RequestFields,
  framing: BodyFraming,
): 'websocket' | { readonly detail: string } | undefined {
  if (fields.upgrade === '' || version !== '1.1') return undefined
  if (!listMembers(fields.upgrade).some((member) => equalsLower(member, 'websocket'))) return undefined
  if (method !== 'GET') return { detail: 'websocket handshake is not GET' }
  const empty = framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0)
  if (!empty) return { detail: 'websocket handshake with a body' }
  const complete = fields.websocketKeys === 1 && fields.websocketVersions === 1
  return complete ? 'websocket' : { detail: 'websocket handshake without key or version' }
}
