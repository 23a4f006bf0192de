/**
 * A lane speaks HTTP on the clear sockets it is given: listeners accept and decrypt, the proxy decides, a lane moves
 * bytes. Lanes keep to `Limits` and make no choices of their own.
 */
import type { Socket } from 'node:net'
import type { Connection } from '#proxy/connection.ts'
import type { Runtime } from '#proxy/runtime.ts'

export interface Lane {
  /**
   * Takes over a socket for good. HTTP/2 when ALPN agreed on it, HTTP/1 otherwise. `early` holds bytes another lane
   * already read from this socket and did not act on.
   */
  serve(socket: Socket, connection: Connection, early?: Buffer): void
  /** Exchanges that begin from now on use this runtime. */
  use(runtime: Runtime): void
  /** Connections to endpoints with other ids are closed as soon as nothing is in flight on them. */
  keepEndpoints(ids: ReadonlySet<string>): void
  /**
   * Finish what is in flight, taking no further requests on any connection (`Connection: close`, GOAWAY). At the
   * deadline (milliseconds from now) the rest is cut: resolves with how many connections that were.
   */
  drain(timeoutMs: number): Promise<number>
  /** Cuts everything now. */
  close(): Promise<void>
}
