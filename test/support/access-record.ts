import type { AccessAsked, AccessRecord } from '#telemetry/access-line.ts'

/** What an access log says of a plain request. */
export function accessAsked(change: Partial<AccessAsked> = {}): AccessAsked {
  return {
    client: '127.0.0.5',
    scheme: 'https',
    method: 'GET',
    host: 'shop.test',
    target: '/a?b=1',
    version: '2.0',
    route: 'r',
    backend: 'b',
    userAgent: 'curl',
    referer: undefined,
    tls: 'TLSv1.3',
    sni: 'shop.test',
    lane: 'general',
    unfit: undefined,
    ...change,
  }
}

/** What it says of its end. */
export function accessRecord(change: Partial<AccessRecord> = {}): AccessRecord {
  return {
    time: Date.UTC(2026, 0, 1),
    status: 200,
    cause: undefined,
    detail: undefined,
    duration: 1.25,
    requestBytes: 0,
    responseBytes: 2,
    endpoint: 'e',
    attempts: 1,
    retried: undefined,
    upstreamStatus: 200,
    requestId: 'id',
    traceId: undefined,
    ...change,
  }
}
