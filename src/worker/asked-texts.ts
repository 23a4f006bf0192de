/**
 * What the access log says of a request before it is known what becomes of it. Clients repeat their requests for as long
 * as they keep a connection; where a lane keeps a memory of them, the text is printed once.
 */
import { get } from '#http/fields.ts'
import type { RequestHead } from '#http/head.ts'
import type { Exchange } from '#proxy/exchange.ts'
import type { RequestMemory } from '#proxy/request-memory.ts'
import type { Route } from '#proxy/route.ts'
import { printAsked } from '#telemetry/access-line.ts'
import type { Upstream } from '#upstream/upstream.ts'

/** The text, and all that it was printed from but for the connection. */
type Known = {
  readonly received: RequestHead
  readonly client: Exchange['client']
  readonly route: Route | undefined
  readonly upstream: Upstream | undefined
  readonly text: string
}

export class AskedTexts {
  /** A memory belongs to one connection, and goes with it. */
  readonly #known = new WeakMap<RequestMemory, Known>()

  of(exchange: Exchange): string {
    const memory = exchange.look?.memory
    if (memory === undefined) return print(exchange)
    const known = this.#known.get(memory)
    if (known !== undefined && isAlike(known, exchange)) return known.text
    const { received, client, route, upstream } = exchange
    // A text put together of pieces would be put together again with every line.
    const text = Buffer.from(print(exchange), 'latin1').toString('latin1')
    this.#known.set(memory, { received, client, route, upstream, text })
    return text
  }
}

/** Lists of fields are never changed, so they are compared by identity; the host follows from them and the target. */
function isAlike(known: Known, { received, client, route, upstream }: Exchange): boolean {
  const { fields, target, method, version } = known.received
  if (received.fields !== fields || received.target !== target) return false
  if (received.method !== method || received.version !== version) return false
  return known.client === client && known.route === route && known.upstream === upstream
}

function print({ received, connection, client, host, route, upstream, lane }: Exchange): string {
  return printAsked({
    client: client.address,
    scheme: client.scheme,
    method: received.method,
    host,
    target: received.target,
    version: received.version,
    route: route?.spec.id,
    backend: upstream?.id,
    userAgent: get(received.fields, 'user-agent'),
    referer: get(received.fields, 'referer'),
    tls: connection.tls?.version,
    sni: connection.tls?.serverName,
    lane,
    unfit: connection.unfit,
  })
}
