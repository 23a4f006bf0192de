/**
 * The admin address: health, metrics, a read-only JSON API and the dashboard. Runs on the main thread, listens on
 * loopback unless told otherwise, and is never reachable through the public ports.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Log } from '#telemetry/log.ts'

export type AdminAnswer =
  | { readonly kind: 'json'; readonly status: number; readonly value: unknown }
  | { readonly kind: 'text'; readonly status: number; readonly type: string; readonly body: string | Uint8Array }

/** What stands behind one path. `query` is what follows the question mark. */
export type AdminPage = (query: URLSearchParams) => AdminAnswer | Promise<AdminAnswer>

export type AdminInit = {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  /** By exact path: `/healthz`. */
  readonly pages: ReadonlyMap<string, AdminPage>
  readonly log: Log
}

/** Scrapes and people are few; anything beyond this is somebody playing. */
const maxConnections = 256
const requestTimeoutMs = 10_000

export class AdminServer {
  readonly #server: Server
  readonly #init: AdminInit

  constructor(init: AdminInit) {
    this.#init = init
    this.#server = createServer(
      { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
      (request, response) => {
        void this.#answer(request, response)
      },
    )
    this.#server.maxConnections = maxConnections
  }

  /** Resolves with the port; rejects with Node's error when the address cannot be bound. */
  async listen(): Promise<number> {
    this.#server.listen(this.#init.port, this.#init.host)
    await once(this.#server, 'listening')
    // A TCP server that is listening has an AddressInfo.
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      send(response, await this.#page(request))
    } catch (error) {
      this.#init.log.error('an admin page failed', {
        url: request.url,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      })
      send(response, json(500, { error: 'internal error; see the log' }))
    }
  }

  #page(request: IncomingMessage): AdminAnswer | Promise<AdminAnswer> {
    if (!mayAsk(request.headers.host)) return json(403, { error: 'ask by IP address or as localhost' })
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return json(405, { error: 'this address is read-only: GET or HEAD' })
    const url = new URL(request.url ?? '/', 'http://admin')
    const page = this.#init.pages.get(url.pathname)
    if (page === undefined) return json(404, { error: 'no such page', pages: [...this.#init.pages.keys()] })
    return page(url.searchParams)
  }
}

export function json(status: number, value: unknown): AdminAnswer {
  return { kind: 'json', status, value }
}

export function text(status: number, body: string | Uint8Array, type = 'text/plain; charset=utf-8'): AdminAnswer {
  return { kind: 'text', status, type, body }
}

/**
 * A page in somebody's browser can make it ask any loopback address, under a name of the attacker's that resolves to
 * it (DNS rebinding). Names that cannot be rebound are IP literals, localhost, and names without a dot (a Service or
 * container asked from within its network).
 */
function mayAsk(host: string | undefined): boolean {
  if (host === undefined) return true
  const name = host.replace(/:\d+$/, '')
  return (
    name.startsWith('[') ||
    /^[\d.]+$/.test(name) ||
    !name.includes('.') ||
    name.endsWith('.svc') ||
    name.endsWith('.local')
  )
}

function send(response: ServerResponse, answer: AdminAnswer): void {
  const body = answer.kind === 'json' ? `${JSON.stringify(answer.value, undefined, 2)}\n` : answer.body
  response.writeHead(answer.status, {
    'content-type': answer.kind === 'json' ? 'application/json; charset=utf-8' : answer.type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
  })
  response.end(body)
}
