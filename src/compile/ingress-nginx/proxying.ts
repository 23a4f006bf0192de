/** Annotations about how a request is carried to its endpoint and the response back. */
import type { AnnotationGroup } from '../annotation.ts'
import { honoured, noEffect, notYet } from '../annotation.ts'

const streams = 'Bodies are streamed, with a small bounded buffer.'

export const proxying: AnnotationGroup = {
  title: 'Timeouts, sizes, buffers and retries',
  rows: [
    honoured('proxy-connect-timeout', 'seconds, a whole number of at least 1 (5)', 'Time to connect to an endpoint; then another one is tried, and 504 is answered when there is none.'),
    honoured('proxy-send-timeout', 'seconds, a whole number of at least 1 (60)', 'Time between two writes to the endpoint.'),
    honoured('proxy-read-timeout', 'seconds, a whole number of at least 1 (60)', 'Time between two reads from the endpoint, the wait for the response included: 504 before the response has begun.'),
    honoured('proxy-body-size', 'a number of bytes, also with k, m or g; 0 for no limit (1m)', 'The largest request body; above it 413.'),
    notYet('proxy-next-upstream', 'Another endpoint is tried when the first provably saw nothing of the request.', { idle: ['', 'error timeout'] }),
    notYet('proxy-next-upstream-timeout', 'Retries are bounded by the other timeouts.', { idle: ['', '0'] }),
    notYet('proxy-next-upstream-tries', 'The number of attempts is fixed.', { idle: ['', '3'] }),
    noEffect('client-body-buffer-size', streams),
    notYet('proxy-buffering', streams, { idle: ['', 'off'] }),
    noEffect('proxy-buffers-number', streams),
    noEffect('proxy-buffer-size', 'Response heads of up to 64 KiB are accepted.'),
    noEffect('proxy-busy-buffers-size', streams),
    noEffect('proxy-max-temp-file-size', 'Nothing is written to disk.'),
    notYet('proxy-request-buffering', 'Request bodies are streamed to the endpoint as they arrive.', { idle: ['', 'off'] }),
    notYet('proxy-http-version', 'Endpoints are spoken to in HTTP/1.1.', { idle: ['', '1.1'] }),
    notYet('proxy-cookie-domain', 'Set-Cookie is passed on as it is.', { idle: ['', 'off'] }),
    notYet('proxy-cookie-path', 'Set-Cookie is passed on as it is.', { idle: ['', 'off'] }),
    notYet('proxy-redirect-from', 'The Location field is passed on as it is.', { idle: ['', 'off'] }),
    notYet('proxy-redirect-to', 'The Location field is passed on as it is.', { idle: ['', 'off'] }),
    notYet('connection-proxy-header', 'Connections to endpoints are kept and reused.', { idle: ['', 'keep-alive'] }),
  ],
}
