/** Annotations about redirects, rewrites and where a request goes. */
import type { AnnotationGroup } from '../annotation.ts'
import { honoured, notYet, off } from '../annotation.ts'

export const routing: AnnotationGroup = {
  title: 'Routing, rewrites and redirects',
  rows: [
    honoured('ssl-redirect', 'true, false (true)', 'Requests over http for a host that `spec.tls` names are redirected to https with 308; the path is kept as it is.'),
    honoured('force-ssl-redirect', 'true, false (false)', 'The same without needing a `spec.tls` entry, for TLS that ends in front of Genkan.'),
    honoured('preserve-trailing-slash', 'true, false', 'The redirect to https always keeps the trailing slash, so there is nothing to switch on.'),
    notYet('rewrite-target', 'Requests are forwarded with their path as it is; paths that are regular expressions answer 503.'),
    notYet('use-regex', 'Plain paths match as Prefix; paths that are regular expressions answer 503 below their literal beginning.', { idle: off }),
    notYet('app-root', 'Requests for / go to the backend instead of being redirected.'),
    notYet('server-alias', 'The other names are not served; list them as hosts of rules.'),
    notYet('permanent-redirect', 'Requests go to the backend instead of being redirected.'),
    notYet('permanent-redirect-code', 'The redirect it belongs to is not made.'),
    notYet('temporal-redirect', 'Requests go to the backend instead of being redirected.'),
    notYet('temporal-redirect-code', 'The redirect it belongs to is not made.'),
    notYet('relative-redirects', 'Redirects carry absolute locations.', { idle: off }),
    notYet('from-to-www-redirect', 'The counterpart with or without www is not served.', { idle: off }),
    notYet('use-port-in-redirects', 'The redirect to https names a port only when the https port is not 443.', { idle: off }),
    notYet('default-backend', 'A backend without endpoints answers 503.'),
    notYet('custom-http-errors', 'Error responses of the backend are passed on as they are.'),
    notYet('disable-proxy-intercept-errors', 'Error responses of the backend are always passed on.', { idle: off }),
    notYet('upstream-vhost', 'The backend receives the Host that the client sent.'),
    notYet('x-forwarded-prefix', 'X-Forwarded-Prefix is not added.'),
    notYet('service-upstream', 'Requests go to the endpoints themselves, not to the cluster IP.', { idle: off }),
    honoured('backend-protocol', 'HTTP, HTTPS, GRPC, GRPCS, AUTO_HTTP, in upper or lower case (HTTP)', 'How endpoints are spoken to: `GRPC` is HTTP/2 without TLS, `GRPCS` with, `AUTO_HTTP` as the client speaks. The oldest Ingress that says it counts for all routes of a Service port; in ingress-nginx each Ingress decides for its own paths. Without it the `appProtocol` of the Service port counts. `FCGI` is refused; it and an unknown value are errors, and the routes answer 503 rather than send in clear what was to be encrypted.', { guards: true }),
    notYet('fastcgi-index', 'FastCGI is not spoken.'),
    notYet('fastcgi-params-configmap', 'FastCGI is not spoken.'),
  ],
}
