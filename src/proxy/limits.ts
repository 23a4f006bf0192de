/**
 * Every bound on what a connection or request may cost, in one place with its unit. Lanes and listeners hold no
 * numbers of their own.
 */
export type Limits = {
  /** Bytes of a request head, all fields together (431). */
  readonly headerBytes: number
  /** Fields in a request head (431). */
  readonly headerCount: number
  /** From the first byte of a connection or request to the end of its head (408). */
  readonly headerTimeoutMs: number
  /** Between two reads of a request body (408). */
  readonly bodyIdleTimeoutMs: number
  /** A kept-alive client connection without a request; 0 when none is kept alive. */
  readonly idleTimeoutMs: number
  /** Between two successful writes to a client that has stopped reading. */
  readonly writeIdleTimeoutMs: number
  /** An upgraded connection (WebSocket) without a byte in either direction. */
  readonly tunnelIdleTimeoutMs: number
  /** TLS handshakes must be done by then. */
  readonly handshakeTimeoutMs: number
  /** Open client connections per worker; above it new ones are closed at once. */
  readonly connections: number
  /** Requests on one client connection before it is closed; 0 for no bound. */
  readonly requestsPerConnection: number
  /** Concurrent HTTP/2 streams per client connection. */
  readonly streamsPerConnection: number
  /** Connections to one endpoint. */
  readonly connectionsPerEndpoint: number
  /** Concurrent requests on one HTTP/2 connection to an endpoint. */
  readonly upstreamStreams: number
  /** Requests that wait for a free connection, per upstream (503). */
  readonly pendingRequests: number
  /** How long they wait (503). */
  readonly pendingTimeoutMs: number
  /** Bytes of a request body that are kept to send them again to another endpoint. */
  readonly replayBytes: number
  /** An idle connection to an endpoint is closed after this. */
  readonly upstreamIdleTimeoutMs: number
  /** Idle connections to all endpoints together that a worker keeps. */
  readonly upstreamIdleConnections: number
  /** A connection to an endpoint that is older is closed when it is idle; 0 for no bound. */
  readonly upstreamLifetimeMs: number
  /** Requests on one HTTP/1 connection to an endpoint before it is closed; 0 for no bound. */
  readonly upstreamRequests: number
  /** Bytes of a response head from an endpoint (502). */
  readonly responseHeaderBytes: number
  /** Bytes of a request target (414). */
  readonly targetBytes: number
  /** Interim responses (1xx) passed on for one request (502). */
  readonly interimResponses: number
  /** After an answer that leaves the request body unread, the client's bytes are discarded for so long before closing. */
  readonly lingerMs: number
  /** HTTP/2 streams a client may cancel at once before its connection is closed; as many again in every ten seconds. */
  readonly streamResets: number
}

export const defaultLimits: Limits = {
  headerBytes: 32 * 1024,
  headerCount: 128,
  headerTimeoutMs: 60_000,
  bodyIdleTimeoutMs: 60_000,
  idleTimeoutMs: 75_000,
  writeIdleTimeoutMs: 60_000,
  tunnelIdleTimeoutMs: 3_600_000,
  handshakeTimeoutMs: 10_000,
  connections: 16_384,
  requestsPerConnection: 0,
  streamsPerConnection: 128,
  connectionsPerEndpoint: 1_024,
  upstreamStreams: 100,
  pendingRequests: 128,
  pendingTimeoutMs: 1_000,
  replayBytes: 64 * 1024,
  upstreamIdleTimeoutMs: 60_000,
  upstreamIdleConnections: 16_384,
  upstreamLifetimeMs: 3_600_000,
  upstreamRequests: 10_000,
  responseHeaderBytes: 64 * 1024,
  targetBytes: 16 * 1024,
  interimResponses: 16,
  lingerMs: 1_000,
  streamResets: 300,
}
