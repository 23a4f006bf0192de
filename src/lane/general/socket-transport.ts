/** Answers on a bare socket: for messages node could not read, and for those it does not want to see (CONNECT). */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange } from '#proxy/exchange.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Proxy } from '#proxy/proxy.ts'
import type { Reply, Transport } from '#proxy/transport.ts'

export class SocketTransport implements Transport {
  readonly #socket: Socket
  readonly #proxy: Proxy
  readonly #lingerMs: number

  constructor(socket: Socket, { proxy, limits }: { readonly proxy: Proxy; readonly limits: Limits }) {
    this.#socket = socket
    this.#proxy = proxy
    this.#lingerMs = limits.lingerMs
  }

  /** Nothing that comes here may be forwarded. */
  send(exchange: Exchange): void {
    this.#proxy.onFailure(exchange, { cause: 'method_not_allowed', detail: 'not forwarded' })
  }

  /** Nothing was sent, so nothing can be relayed. */
  relay(exchange: Exchange): void {
    this.abort(exchange)
  }

  reply(exchange: Exchange, { status, fields, body }: Reply): void {
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nDate: ${new Date().toUTCString()}\r\n`
    for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`
    text += `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
    exchange.responseBytes = Buffer.byteLength(body)
    endThenDiscard(this.#socket, { text, lingerMs: this.#lingerMs })
    this.#proxy.onFinish(exchange)
  }

  abort(exchange: Exchange): void {
    this.#socket.destroy()
    this.#proxy.onFinish(exchange)
  }
}

/**
 * Ends our side, then discards what the client still sends, for a while: closing at once would have the kernel answer
 * those bytes with a reset, which can destroy the response on the client's side before it is read.
 */
export function endThenDiscard(
  socket: Socket,
  { text, lingerMs }: { readonly text?: string; readonly lingerMs: number },
): void {
  if (text === undefined) socket.end()
  else socket.end(text, 'latin1')
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(timer))
}
