/** Annotations about headers, logs, traces, mirrors and raw configuration. */
import type { AnnotationGroup } from '../annotation.ts'
import { closed, noEffect, notYet, off, refused } from '../annotation.ts'
import { judgeSnippet } from './snippet.ts'

const text = 'nginx configuration text is never run. The routes are served without it when all its directives merely decorate (response fields, buffers, logs); otherwise they answer 503.'

export const extras: AnnotationGroup = {
  title: 'Headers, logs, traces, mirrors and snippets',
  rows: [
    notYet('custom-headers', 'No response fields are added.'),
    noEffect('http2-push-preload', 'Browsers have given up server push.'),
    notYet('enable-access-log', 'Every request is in the access log.', { idle: ['', 'true', 't', '1'] }),
    noEffect('enable-rewrite-log', 'There is no nginx to debug; `genkan explain` says why a request goes where it goes.'),
    notYet('enable-opentelemetry', 'No spans are made; trace fields are passed on.', { idle: off }),
    notYet('opentelemetry-trust-incoming-span', 'No spans are made; trace fields are passed on.'),
    notYet('opentelemetry-operation-name', 'No spans are made.'),
    notYet('mirror-target', 'Requests are not mirrored.'),
    notYet('mirror-request-body', 'Requests are not mirrored.'),
    notYet('mirror-host', 'Requests are not mirrored.'),
    refused('configuration-snippet', text, { judge: judgeSnippet }),
    refused('server-snippet', text, { judge: judgeSnippet }),
    refused('stream-snippet', 'nginx configuration text is never run; TCP and UDP are not proxied.'),
  ],
}

/** Names that ingress-nginx once had and has given up. */
export const obsolete: AnnotationGroup = {
  title: 'Obsolete',
  rows: [
    closed('grpc-backend', 'The old name of `backend-protocol: GRPC`, which ingress-nginx gave up; the routes answer 503.', { idle: off }),
    noEffect('add-base-url', 'ingress-nginx has given it up; bodies are never changed.'),
    noEffect('base-url-scheme', 'ingress-nginx has given it up; bodies are never changed.'),
    noEffect('enable-opentracing', 'ingress-nginx has given it up; trace fields are passed on.'),
    noEffect('opentracing-trust-incoming-span', 'ingress-nginx has given it up; trace fields are passed on.'),
    noEffect('opentracing-operation-name', 'ingress-nginx has given it up.'),
    noEffect('opentracing-location-operation-name', 'ingress-nginx has given it up.'),
    noEffect('enable-influxdb', 'ingress-nginx has given it up; see the metrics of the admin address.'),
    noEffect('influxdb-measurement', 'ingress-nginx has given it up.'),
    noEffect('influxdb-port', 'ingress-nginx has given it up.'),
    noEffect('influxdb-host', 'ingress-nginx has given it up.'),
    noEffect('influxdb-server-name', 'ingress-nginx has given it up.'),
  ],
}
