/** Annotations about redirects, rewrites and where a request goes. */
import type { AnnotationGroup } from '../annotation.ts'
import { honoured, refused } from '../annotation.ts'

const fcgi =
  'FastCGI is never spoken, and `backend-protocol: FCGI` closes the routes: let a web server beside the application speak FastCGI, and lead the rule there.'

export const routing: AnnotationGroup = {
  title: 'Routing, rewrites and redirects',
  rows: [
    honoured(
      'ssl-redirect',
      'true, false (true)',
      'Requests over http for a host that `spec.tls` names are redirected to https with 308; the path is kept as it is.',
      { difference: 'Location keeps a trailing slash, which ingress-nginx cuts off.' },
    ),
    honoured(
      'force-ssl-redirect',
      'true, false (false)',
      'The same without needing a `spec.tls` entry, for TLS that ends in front of Genkan.',
      { difference: 'Location keeps a trailing slash, which ingress-nginx cuts off.' },
    ),
    honoured(
      'preserve-trailing-slash',
      'true, false',
      'The redirect to https always keeps the trailing slash, so there is nothing to switch on.',
    ),
    honoured(
      'rewrite-target',
      'a path or a URL, with $1 to $9 for what the path has captured; may hold a query',
      'The endpoint gets this path instead of the whole path of the request, and the query as it was; with a URL the client is sent there (302). The paths of this Ingress are regular expressions, unless the target is the path itself.',
      {
        difference:
          'The paths of other Ingresses of the host stay what they are, except with `--compat ingress-nginx`. Escapes stay escaped: `%2F` never becomes a slash. A result that climbs above the root or cannot be read is 400. A URL is refused; see `temporal-redirect`.',
      },
    ),
    honoured(
      'use-regex',
      'true, false (false)',
      'The paths of this Ingress are regular expressions: upper and lower case do not count, they begin where the path begins, and what follows the match does not matter. Longer ones as written go first.',
      {
        difference:
          'Only the paths of this Ingress, and never an Exact path without special characters; with `--compat ingress-nginx` all paths of its hosts. Exact paths beat expressions, prefixes compete with them by length. The engine is RE2: lookaround and backreferences are refused.',
      },
    ),
    honoured(
      'app-root',
      'a path that begins with a slash',
      'Requests for / are redirected there with 302, whichever Ingress has the rest of the host.',
      { difference: 'An Exact rule for / of another Ingress keeps it.' },
    ),
    honoured(
      'server-alias',
      'host names with commas between; *.x for one label',
      'Every route of the host answers under these names too. The oldest Ingress of a host that names any counts; a name with rules of its own stays theirs.',
      { difference: 'Regular expressions for hosts are refused, and `*` is one label.' },
    ),
    honoured(
      'permanent-redirect',
      'a URL or a path; may hold variables such as $request_uri',
      'Every request is redirected there with 301, before limits and authentication.',
    ),
    honoured('permanent-redirect-code', '300 to 308 (301)', 'The status of `permanent-redirect`.'),
    honoured(
      'temporal-redirect',
      'a URL; may hold variables such as $request_uri',
      'Every request is redirected there with 302; it counts before `permanent-redirect`.',
    ),
    honoured('temporal-redirect-code', '300 to 307 (302)', 'The status of `temporal-redirect`.'),
    honoured('relative-redirects', 'true, false (false)', 'A path in `permanent-redirect` stays a path in Location.'),
    honoured(
      'from-to-www-redirect',
      'true, false (false)',
      'The same host with www. in front, or without it, is redirected to this one with 308 (`http-redirect-code`), unless it has rules of its own.',
      { difference: 'Location names a port only where the client did, and the path keeps its trailing slash.' },
    ),
    honoured(
      'use-port-in-redirects',
      'true, false (false)',
      'The redirect to https always names the https port, 443 included. Without it a port is named only when it is another one.',
    ),
    honoured(
      'default-backend',
      'the name of a Service of the same namespace',
      'It gets the requests while the backend of the rule has no endpoint, and answers for the errors that `custom-http-errors` names, on its first port. It is told X-Code, X-Format, X-Original-URI, X-Namespace, X-Ingress-Name, X-Service-Name, X-Service-Port and X-Request-ID; its own status is passed on.',
      { difference: 'The Service must be in the folder.' },
    ),
    honoured(
      'custom-http-errors',
      'statuses from 400 to 599 with commas between',
      'Answers of the backend with these statuses are dropped, and `default-backend`, or else the Service of `--default-backend-service`, is asked for / instead, with the query and method of the request.',
      {
        difference:
          'Refusals of Genkan itself (400, 401, 403, 413, 429) are never handed on, failures on the way to the backend (502, 503, 504) are. Where there is neither backend nothing is replaced; in ingress-nginx the client then gets the 404 of the controller itself in place of such an answer. The body of the request does not go there. Clients that a NetworkPolicy keeps from the default backend get the error as it is.',
      },
    ),
    honoured(
      'disable-proxy-intercept-errors',
      'true, false (false)',
      'Answers of the backend pass as they are; failures on the way to it are still replaced.',
    ),
    honoured(
      'upstream-vhost',
      'a host name, perhaps with a port',
      'The Host that endpoints receive; X-Forwarded-Host keeps what the client asked for.',
    ),
    honoured(
      'x-forwarded-prefix',
      'a path, with $1 to $9 for what the path has captured',
      'X-Forwarded-Prefix for the endpoint; only together with a rewrite, as in ingress-nginx.',
    ),
    honoured(
      'service-upstream',
      'true, false (false)',
      'Requests go to the address of the Service, its `clusterIP` at its port, which is then the only endpoint: whoever is behind it balances, and neither readiness nor sessions of single Pods count here. The oldest Ingress that says it counts for all routes of a Service port. [traffic.md](traffic.md#the-address-of-the-service) says where that address comes from.',
      {
        difference:
          'A Service without `clusterIP` in its file is asked for by its DNS name. A headless one has no address of its own: a warning, and its endpoints are used.',
      },
    ),
    honoured(
      'backend-protocol',
      'HTTP, HTTPS, GRPC, GRPCS, AUTO_HTTP, in upper or lower case (HTTP)',
      'How endpoints are spoken to: `GRPC` is HTTP/2 without TLS, `GRPCS` with, `AUTO_HTTP` as the client speaks. The oldest Ingress that says it counts for all routes of a Service port; in ingress-nginx each Ingress decides for its own paths. Without it the `appProtocol` of the Service port counts. `FCGI` is refused; it and an unknown value are errors, and the routes answer 503 rather than send in clear what was to be encrypted.',
      { guards: true },
    ),
    refused('fastcgi-index', fcgi),
    refused('fastcgi-params-configmap', fcgi),
  ],
}
