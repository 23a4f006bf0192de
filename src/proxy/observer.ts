/**
 * What the proxy and the lanes tell whoever counts and logs. Calls are synchronous and on the request path: an observer
 * returns at once and never throws.
 */
import type { Exchange } from './exchange.ts'
import type { Stream } from './stream.ts'

export interface Observer {
  onConnectionOpened(scheme: 'http' | 'https'): void
  onConnectionClosed(scheme: 'http' | 'https'): void
  /** Closed at once because the connection limit was reached; neither opened nor closed is told for it. */
  onConnectionRefused(scheme: 'http' | 'https'): void
  /** Closed because the header of the PROXY protocol that it had to begin with was no such header, or came too late. */
  onProxyHeaderRefused(scheme: 'http' | 'https'): void
  /** The fast lane has left a connection to the general one, for this reason (one word of a closed list). */
  onUnfit(reason: string): void
  /** A connection is passed on unread; it ends exactly once. */
  onStreamBegun(): void
  onStreamEnded(stream: Stream): void
  /** A WebSocket was opened (1) or has ended (-1). */
  onTunnel(delta: 1 | -1): void
  /** Once per exchange, malformed requests included. */
  onStart(exchange: Exchange): void
  /** Exactly once per exchange; its facts are complete and never change again. */
  onFinish(exchange: Exchange): void
  /** An endpoint of this upstream refused a connection or did not answer one: discovery should look again. */
  onSuspect(upstream: string): void
  /**
   * One attempt at an endpoint said something about its health: `ok` is a response head that is no 500, 502, 503 or
   * 504; the opposite is such a head, or a failure of the endpoint before any head.
   */
  onOutcome(upstream: string, endpoint: string, ok: boolean): void
}

/** Ignores everything: for tests and offline use. */
export const silentObserver: Observer = {
  onConnectionOpened: () => {},
  onConnectionClosed: () => {},
  onConnectionRefused: () => {},
  onProxyHeaderRefused: () => {},
  onUnfit: () => {},
  onStreamBegun: () => {},
  onStreamEnded: () => {},
  onTunnel: () => {},
  onStart: () => {},
  onFinish: () => {},
  onSuspect: () => {},
  onOutcome: () => {},
}
