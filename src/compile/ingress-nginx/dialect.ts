/**
 * The annotations of ingress-nginx, every name it has or had. To honour one more: change its row to `honoured`, read it
 * in a file of this folder, and give its setting to the routes in ../route-spec.ts or the upstreams in
 * ../upstream-spec.ts.
 */
import { dialect } from '../annotation.ts'
import { authentication, firewall } from './access.ts'
import { affinity } from './affinity.ts'
import { balancing } from './balancing.ts'
import { canary } from './canary.ts'
import { clientCertificates } from './client-certificates.ts'
import { cors } from './cors.ts'
import { encryption } from './encryption.ts'
import { extras, obsolete } from './extras.ts'
import { limits } from './limits.ts'
import { proxying } from './proxying.ts'
import { routing } from './routing.ts'
import { sourceRanges } from './source-ranges.ts'

export const ingressNginx = dialect('nginx.ingress.kubernetes.io/', [
  routing,
  proxying,
  authentication,
  clientCertificates,
  sourceRanges,
  limits,
  firewall,
  encryption,
  cors,
  canary,
  affinity,
  balancing,
  extras,
  obsolete,
])
