/**
 * Every policy this build knows, in the order in which they see a request; responses pass them in reverse. The order is
 * written here and nowhere else. Adding a policy is a file of its own and a line here.
 *
 * Where a user could notice it is ingress-nginx's order: redirects, then limits, then who may pass. A client that is
 * throttled sees 429 and not 401, and one that is not let in has still used up its rate.
 */
import { access } from './access.ts'
import { appRoot } from './app-root.ts'
import { basicAuth } from './basic-auth.ts'
import { blocklist } from './blocklist.ts'
import { clientCertificate } from './client-certificate.ts'
import { compress } from './compress.ts'
import { concurrencyLimit } from './concurrency-limit.ts'
import { conditionalReturn } from './conditional-return.ts'
import { cookieAttributes } from './cookie-attributes.ts'
import { cors } from './cors.ts'
import { externalAuth } from './external-auth.ts'
import { forwardedPrefix } from './forwarded-prefix.ts'
import { hostRedirect } from './host-redirect.ts'
import { hsts } from './hsts.ts'
import { httpsRedirect } from './https-redirect.ts'
import { locationPrefix } from './location-prefix.ts'
import { mirror } from './mirror.ts'
import { networkPolicy } from './network-policy.ts'
import { originalUri } from './original-uri.ts'
import { ownRequestId } from './own-request-id.ts'
import { pathRedirect } from './path-redirect.ts'
import type { Policy } from './policy.ts'
import { rateLimit } from './rate-limit.ts'
import { redirect } from './redirect.ts'
import { requestHeaders } from './request-headers.ts'
import { responseHeaders } from './response-headers.ts'
import { rewrite } from './rewrite.ts'
import { satisfyAny } from './satisfy-any.ts'
import { serverField } from './server-field.ts'
import { upstreamVhost } from './upstream-vhost.ts'

const all: readonly Policy[] = [
  // Who the connection belongs to is settled before anything is said on it.
  clientCertificate,
  // Whom nobody wants to serve.
  blocklist,
  // Answers that need nobody's permission.
  hostRedirect,
  appRoot,
  conditionalReturn,
  pathRedirect,
  redirect,
  cors,
  httpsRedirect,
  hsts,
  // How much one may ask for.
  rateLimit,
  concurrencyLimit,
  // Who may pass.
  networkPolicy,
  access,
  basicAuth,
  externalAuth,
  satisfyAny,
  // From here on the request is on its way to an endpoint.
  originalUri,
  ownRequestId,
  mirror,
  upstreamVhost,
  forwardedPrefix,
  rewrite,
  requestHeaders,
  responseHeaders,
  cookieAttributes,
  locationPrefix,
  serverField,
  // The last word on a response, behind every other (Filter.encoder).
  compress,
]

export const policies: ReadonlyMap<string, Policy> = new Map(all.map((each) => [each.kind, each]))

/** The same policies in the order in which they run. Several of one kind, or of one place, keep the order they have. */
export function inOrder<Spec extends { readonly kind: string }>(specs: readonly Spec[]): readonly Spec[] {
  return specs.toSorted((a, b) => places.get(a.kind)! - places.get(b.kind)!)
}

/** Answers that somebody has written one after the other: the first that has one gives it. */
const asWritten: readonly Policy[] = [conditionalReturn, pathRedirect]

const places: ReadonlyMap<string, number> = new Map(
  all.map((policy, index) => [policy.kind, asWritten.includes(policy) ? all.indexOf(asWritten[0]!) : index]),
)
