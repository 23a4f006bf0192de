/**
 * How an exchange can go wrong. The key is the cause code: the same word in the access log, the metric label, the
 * dashboard and (opt-in) the response field `x-genkan-cause`. Replies never say more than their status does.
 */
export type Failure = {
  readonly cause: Cause
  /** For the operator's log only; never sent to a client. */
  readonly detail: string
  /** The connection had served another request before, and broke before a byte of this response came. */
  readonly reusedConnection?: boolean
  /** The endpoint said, or it follows, that it did nothing with the request, where the cause alone does not tell. */
  readonly unseen?: boolean
}

type Row = {
  /**
   * Whose doing it is. After a failure of the client's the connection is closed: what follows on it cannot be trusted.
   * A policy's verdict is about a request that was well understood, so the connection serves on.
   */
  readonly side: 'client' | 'policy' | 'proxy' | 'upstream'
  /** Status of the reply; 0 when there is nobody left to answer. */
  readonly status: number
  /** The endpoint provably saw nothing of the request, so another may be asked whatever the method. */
  readonly unsent: boolean
}

export const failures = {
  bad_request: { side: 'client', status: 400, unsent: true },
  header_too_large: { side: 'client', status: 431, unsent: true },
  uri_too_long: { side: 'client', status: 414, unsent: true },
  header_timeout: { side: 'client', status: 408, unsent: true },
  body_timeout: { side: 'client', status: 408, unsent: false },
  body_too_large: { side: 'client', status: 413, unsent: false },
  expectation_failed: { side: 'client', status: 417, unsent: true },
  method_not_allowed: { side: 'client', status: 405, unsent: true },
  misdirected: { side: 'client', status: 421, unsent: true },
  client_abort: { side: 'client', status: 0, unsent: false },
  rate_limited: { side: 'policy', status: 429, unsent: true },
  concurrency_limited: { side: 'policy', status: 429, unsent: true },
  access_denied: { side: 'policy', status: 403, unsent: true },
  unauthenticated: { side: 'policy', status: 401, unsent: true },
  certificate_required: { side: 'policy', status: 400, unsent: true },
  certificate_invalid: { side: 'policy', status: 400, unsent: true },
  certificate_denied: { side: 'policy', status: 403, unsent: true },
  auth_failed: { side: 'proxy', status: 500, unsent: true },
  no_route: { side: 'proxy', status: 404, unsent: true },
  not_ready: { side: 'proxy', status: 503, unsent: true },
  no_backend: { side: 'proxy', status: 503, unsent: true },
  dns_pending: { side: 'proxy', status: 503, unsent: true },
  dns_failed: { side: 'proxy', status: 503, unsent: true },
  no_ready_endpoints: { side: 'proxy', status: 503, unsent: true },
  overloaded: { side: 'proxy', status: 503, unsent: true },
  request_timeout: { side: 'proxy', status: 504, unsent: false },
  internal: { side: 'proxy', status: 500, unsent: false },
  connect_failed: { side: 'upstream', status: 502, unsent: true },
  connect_timeout: { side: 'upstream', status: 504, unsent: true },
  upstream_tls: { side: 'upstream', status: 502, unsent: true },
  upstream_busy: { side: 'upstream', status: 503, unsent: true },
  upstream_reset: { side: 'upstream', status: 502, unsent: false },
  upstream_protocol: { side: 'upstream', status: 502, unsent: false },
  upstream_timeout: { side: 'upstream', status: 504, unsent: false },
  upstream_truncated: { side: 'upstream', status: 502, unsent: false },
  stream_idle: { side: 'proxy', status: 504, unsent: false },
} as const satisfies Record<string, Row>

export type Cause = keyof typeof failures
