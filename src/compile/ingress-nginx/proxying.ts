/** Annotations about how a request is carried to its endpoint and the response back. */
import type { AnnotationGroup } from '../annotation.ts'
import { honoured, noEffect } from '../annotation.ts'

const streams = 'Bodies are streamed, with a small bounded buffer.'

export const proxying: AnnotationGroup = {
  title: 'Timeouts, sizes, buffers and retries',
  rows: [
    honoured(
      'proxy-connect-timeout',
      'seconds, a whole number of at least 1 (5)',
      'Time to connect to an endpoint; then another one is tried, and 504 is answered when there is none.',
    ),
    honoured(
      'proxy-send-timeout',
      'seconds, a whole number of at least 1 (60)',
      'Time between two writes to the endpoint.',
    ),
    honoured(
      'proxy-read-timeout',
      'seconds, a whole number of at least 1 (60)',
      'Time between two reads from the endpoint, the wait for the response included: 504 before the response has begun.',
    ),
    honoured(
      'proxy-body-size',
      'a number of bytes, also with k, m or g; 0 for no limit (1m)',
      'The largest request body; above it 413.',
    ),
    honoured(
      'proxy-next-upstream',
      'off, or some of error, timeout, invalid_header, non_idempotent, http_403, http_404, http_429, http_500, http_502, http_503, http_504 with blanks between (error timeout)',
      'When another endpoint is asked. Never once a byte of the response was sent, and never for a request that is unsafe to repeat and may have been seen, unless `non_idempotent` allows it.',
    ),
    honoured(
      'proxy-next-upstream-tries',
      'a whole number of at least 0 (3)',
      'Attempts in all; 0 for as many as there are endpoints.',
    ),
    honoured(
      'proxy-next-upstream-timeout',
      'seconds, a whole number of at least 0 (0)',
      'No further attempt begins after so long; 0 for no bound.',
    ),
    noEffect('client-body-buffer-size', streams),
    noEffect('proxy-buffering', streams, { idle: ['', 'off'] }),
    noEffect('proxy-buffers-number', streams),
    noEffect('proxy-buffer-size', 'Response heads of up to 64 KiB are accepted.'),
    noEffect('proxy-busy-buffers-size', streams),
    noEffect('proxy-max-temp-file-size', 'Nothing is written to disk.'),
    noEffect(
      'proxy-request-buffering',
      'Request bodies are streamed to the endpoint as they arrive, in the framing the client chose; nothing is collected first.',
      { idle: ['', 'off'] },
    ),
    noEffect(
      'proxy-http-version',
      'Endpoints are spoken to in HTTP/1.1, and in HTTP/2 where `backend-protocol` says gRPC.',
      { idle: ['', '1.1'] },
    ),
    honoured(
      'proxy-cookie-domain',
      'off, or two words: from to (off)',
      'Cookies of endpoints whose Domain is the first get the second; dots in front and case do not count.',
      { difference: 'No regular expressions.' },
    ),
    honoured(
      'proxy-cookie-path',
      'off, or two words: from to (off)',
      'The beginning of the Path of cookies of endpoints.',
      { difference: 'No regular expressions.' },
    ),
    honoured(
      'proxy-redirect-from',
      'a URL or path, off, default (off)',
      'A Location or Refresh of an endpoint that begins with it begins with `proxy-redirect-to` instead.',
      { difference: '`default` changes nothing: applications do not know the address of their endpoint.' },
    ),
    honoured('proxy-redirect-to', 'a URL or path, off (off)', 'Belongs to `proxy-redirect-from`.'),
    noEffect('connection-proxy-header', 'Connections to endpoints are kept and reused, and upgrades are passed on.', {
      idle: ['', 'keep-alive'],
    }),
  ],
}
