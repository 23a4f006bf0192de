/** Replies of policies that turn a request away: a status and its name, nothing that may be stored. */
import type { RefusalCause, Reply } from './policy.ts'

const names: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

export function refuse(status: number, cause: RefusalCause, fields: readonly string[] = []): Reply {
  return {
    status,
    fields: ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-store', ...fields],
    body: `${status} ${names[status] ?? 'Refused'}\n`,
    cause,
  }
}
