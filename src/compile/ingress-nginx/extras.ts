/** Annotations about headers, logs, traces, mirrors and raw configuration. */
import type { AnnotationGroup, Snippets } from '../annotation.ts'
import { honoured, never, noEffect, off, refused } from '../annotation.ts'
import { judgeSnippet } from './snippet.ts'
import { allowSnippets } from '../allow-snippets.ts'
import { isInterpretable } from './snippets.ts'

const text =
  'nginx configuration text is never run. The routes are served without it when all its directives merely decorate (response fields, buffers, logs); otherwise they answer 503.'

function permits(value: string, annotations: Readonly<Record<string, string>>, snippets: Snippets): boolean {
  return (annotations[`genkan.dev/${allowSnippets}`]?.trim() || snippets) === 'safe' && isInterpretable(value)
}

export const extras: AnnotationGroup = {
  title: 'Headers, logs, traces, mirrors and snippets',
  rows: [
    honoured(
      'custom-headers',
      'namespace/name of a ConfigMap of this namespace',
      "Its data are fields of every response, in place of the endpoint's. Every name must be in `global-allowed-response-headers` of the global ConfigMap; otherwise the routes answer 503, as in ingress-nginx.",
    ),
    noEffect('http2-push-preload', 'Browsers have given up server push.'),
    honoured(
      'enable-access-log',
      'true, false (true)',
      'Whether requests are in the access log; they are counted all the same.',
    ),
    noEffect(
      'enable-rewrite-log',
      'There is no nginx to debug; `genkan explain` says why a request goes where it goes.',
    ),
    honoured(
      'enable-opentelemetry',
      'true, false (that of the ConfigMap)',
      'Whether its requests are traced; a collector must be named, see observability.md.',
    ),
    honoured(
      'opentelemetry-trust-incoming-span',
      'true, false (true)',
      'Whether the trace that `traceparent` names is continued; otherwise each request begins one.',
    ),
    honoured(
      'opentelemetry-operation-name',
      'text with variables of nginx (method and path of the rule)',
      'The name of the spans of kind server.',
    ),
    honoured(
      'mirror-target',
      'a URL with a fixed host, whose path may hold $request_uri',
      'A copy of every request goes there; its answer is thrown away and nobody waits for it.',
      { difference: 'Certificates are verified. Without a path copies go to /.' },
    ),
    honoured('mirror-request-body', 'on, off (on)', 'Whether copies have the body of their request.', {
      difference:
        'The request does not wait for its body to be read. A copy with a body of more than 1 MiB, or with one that was never received in full, is left out, and the log says so.',
    }),
    honoured('mirror-host', 'a host name (the host of the target)', 'The Host of the copies.'),
    refused('configuration-snippet', text, { judge: judgeSnippet, permits }),
    refused('server-snippet', text, { judge: judgeSnippet, permits }),
    refused('stream-snippet', 'nginx configuration text is never run; TCP and UDP are not proxied.'),
  ],
}

/** Names that ingress-nginx once had and has given up. */
export const obsolete: AnnotationGroup = {
  title: 'Obsolete',
  rows: [
    never(
      'grpc-backend',
      'The old name of `backend-protocol: GRPC`, which ingress-nginx gave up; the routes answer 503 until that is written.',
      { idle: off },
    ),
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
