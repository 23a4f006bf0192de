/** What the fast lane leaves to the general lane. */
import { equalsLower } from '#http/grammar.ts'
import type { RequestHead } from '#http/head.ts'
import type { Look } from '#proxy/exchange.ts'
import type { RequestBlock } from '#lane/wire/block.ts'

/** Also the word in the access log and the label of the metric. */
export type UnfitReason =
  | 'version'
  | 'method'
  | 'target'
  | 'tabs'
  | 'expect'
  | 'upgrade'
  | 'coding'
  | 'protocol'
  | 'errors'
  | 'pace'
  | 'encoding'
  | 'http2'

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * Why the fast lane does not serve this request, whose fields are those of `block`; `undefined` when it does. Nothing here
 * judges: what is unfit may be a perfectly good request, and the general lane decides.
 */
export function unfit(
  head: RequestHead,
  { scan, hasTabs }: RequestBlock,
  look: Look,
  scheme: 'http' | 'https',
): UnfitReason | undefined {
  if (head.version !== '1.1') return 'version'
  if (!methods.has(head.method)) return 'method'
  if (head.target.charCodeAt(0) !== 0x2f) return 'target'
  // Node's parser knows white space around a value by the space alone in some places.
  if (hasTabs) return 'tabs'
  if (scan.expects > 0) return 'expect'
  if (scan.upgrade !== '' || listsUpgrade(scan.connection)) return 'upgrade'
  if (scan.codings > 0 && !equalsLower(scan.coding, 'chunked')) return 'coding'
  if (look.route?.clear[scheme] === false) return 'protocol'
  // What an endpoint answers may have to be dropped and somebody else be asked.
  if (look.route?.errors !== undefined) return 'errors'
  if (look.route?.pace !== undefined) return 'pace'
  // Whether its answer will be encoded only the answer can tell, and then it would be too late.
  if (look.route?.encoder?.mayEncode(head) === true) return 'encoding'
  return undefined
}

function listsUpgrade(connection: string): boolean {
  if (connection === '' || equalsLower(connection, 'keep-alive') || equalsLower(connection, 'close')) return false
  return connection.toLowerCase().includes('upgrade')
}
