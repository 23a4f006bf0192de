/** The four verbs for requests of the general lane: a client's side of either protocol, and undici towards endpoints. */
import type { ResponseHead } from '#http/head.ts'
import type { Exchange } from '#proxy/exchange.ts'
import { type Failure, failures } from '#proxy/failure.ts'
import type { Limits } from '#proxy/limits.ts'
import type { Proxy } from '#proxy/proxy.ts'
import type { Reply, Transport } from '#proxy/transport.ts'
import type { Endpoint } from '#upstream/endpoint.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import type { Downstream, DownstreamEvents, Ending } from './downstream.ts'
import type { Pools } from './pools.ts'
import { Upload } from './upload.ts'

export type GeneralInit = { readonly proxy: Proxy; readonly pools: Pools; readonly limits: Limits }

export class GeneralTransport implements Transport, AttemptOwner, DownstreamEvents {
  readonly #init: GeneralInit
  // Assigned by `attach` before anything can happen: the client's side needs its events, and they are us.
  #downstream!: Downstream
  #exchange!: Exchange
  #attempt: Attempt | undefined
  #proceeded: boolean

  constructor(init: GeneralInit) {
    this.#init = init
    this.#attempt = undefined
    this.#proceeded = false
  }

  attach(exchange: Exchange, downstream: Downstream): void {
    this.#exchange = exchange
    this.#downstream = downstream
  }

  send(exchange: Exchange, endpoint: Endpoint): void {
    const { method, target, fields } = exchange.sent
    const { connectMs, readMs } = exchange.timeouts
    const lease = this.#init.pools.lease(endpoint, connectMs)
    if (lease === undefined) {
      this.#init.proxy.onFailure(exchange, { cause: 'upstream_busy', detail: 'all connections to the endpoint are busy' })
      return
    }
    const body = exchange.hasBody ? this.#upload(exchange) : undefined
    this.#attempt = new Attempt(this, lease, body)
    this.#attempt.start({ method, target, fields, body, readMs })
  }

  relay(exchange: Exchange, head: ResponseHead): void {
    if (head.status < 200) this.#downstream.inform(head)
    else this.#downstream.start(head, this.#ending(exchange))
  }

  reply(exchange: Exchange, reply: Reply): void {
    this.#drop()
    if (exchange.received.method !== 'HEAD') exchange.responseBytes = Buffer.byteLength(reply.body)
    this.#downstream.reply(reply, this.#ending(exchange))
  }

  abort(_exchange: Exchange): void {
    this.#drop()
    this.#downstream.abort()
  }

  onConnected(): void {
    if (this.#exchange.admitted?.expectContinue !== true || this.#proceeded) return
    this.#proceeded = true
    this.#downstream.proceed()
  }

  onHead(head: ResponseHead): void {
    this.#init.proxy.onResponse(this.#exchange, head)
  }

  onData(chunk: Buffer): boolean {
    this.#exchange.responseBytes += chunk.length
    return this.#downstream.write(chunk)
  }

  onEnd(trailers: string[]): void {
    this.#attempt = undefined
    this.#downstream.end(trailers)
  }

  onAttemptFailed(failure: Failure): void {
    this.#attempt = undefined
    this.#init.proxy.onFailure(this.#exchange, failure)
  }

  onDrain(): void {
    this.#attempt?.resume()
  }

  onStalled(): void {
    this.#init.proxy.onFailure(this.#exchange, { cause: 'client_abort', detail: 'client stopped reading the response' })
  }

  onClosed(complete: boolean): void {
    if (!complete) this.#init.proxy.onFailure(this.#exchange, { cause: 'client_abort', detail: 'client went away' })
    this.#drop()
    this.#init.proxy.onFinish(this.#exchange)
  }

  /** The request on its way turned out to be broken. */
  fail(failure: Failure): void {
    this.#init.proxy.onFailure(this.#exchange, failure)
  }

  #upload(exchange: Exchange): Upload {
    return new Upload({
      source: this.#downstream.source,
      isComplete: () => this.#downstream.isComplete(),
      maxBytes: exchange.maxBodyBytes,
      idleMs: this.#init.limits.bodyIdleTimeoutMs,
      sendMs: exchange.timeouts.sendMs,
      onBytes: (bytes) => {
        exchange.requestBytes += bytes
      },
      onFailure: (failure) => this.#init.proxy.onFailure(exchange, failure),
    })
  }

  #drop(): void {
    const attempt = this.#attempt
    this.#attempt = undefined
    attempt?.cancel()
  }

  /** RFC 9112 section 9.3: behind an unread body no next request can be found; behind a refused one none is looked for. */
  #ending({ failure, hasBody, admitted }: Exchange): Ending {
    const unread = (hasBody || admitted === undefined) && !this.#downstream.isComplete()
    return { close: unread || (failure !== undefined && failures[failure.cause].side === 'client'), unread }
  }
}
