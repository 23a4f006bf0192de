/** Replies for failures: a status and its name, nothing more. What went wrong is for the log, not for strangers. */
import type { Reply } from '#policy/policy.ts'
import { type Cause, failures } from './failure.ts'

/** Seconds; long enough not to add to the load, short enough to notice that endpoints are back. */
const retryAfterSeconds = '5'

/** The reply for a cause that has a status. Nothing of it may be stored: the next request may find everything well. */
export function replyFor(cause: Cause, exposeCause: boolean): Reply {
  const { status } = failures[cause]
  const fields = ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-store']
  if (status === 503) fields.push('Retry-After', retryAfterSeconds)
  if (cause === 'method_not_allowed') fields.push('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  if (exposeCause) fields.push('X-Genkan-Cause', cause)
  return { status, fields, body: `${status} ${names[status] ?? 'Error'}\n` }
}

/** Reason phrases of the statuses we send ourselves (RFC 9110 section 15). */
const names: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}
