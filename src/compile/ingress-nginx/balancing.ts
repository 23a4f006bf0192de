/** Annotations about session affinity and the choice of an endpoint. */
import type { AnnotationGroup } from '../annotation.ts'
import { noEffect, notYet, off } from '../annotation.ts'

const waits = 'Belongs to `affinity`, which is not honoured yet.'

export const balancing: AnnotationGroup = {
  title: 'Affinity and load balancing',
  rows: [
    notYet('affinity', 'Requests of one client are spread over all endpoints.'),
    notYet('affinity-mode', waits),
    notYet('session-cookie-name', waits),
    notYet('session-cookie-path', waits),
    notYet('session-cookie-domain', waits),
    notYet('session-cookie-max-age', waits),
    notYet('session-cookie-expires', waits),
    notYet('session-cookie-samesite', waits),
    notYet('session-cookie-conditional-samesite-none', waits, { idle: off }),
    notYet('session-cookie-secure', waits, { idle: off }),
    notYet('session-cookie-change-on-failure', waits, { idle: off }),
    noEffect('session-cookie-hash', 'ingress-nginx itself gave it up long ago.'),
    notYet('upstream-hash-by', 'Requests are spread over all endpoints.'),
    notYet('upstream-hash-by-subset', 'Belongs to `upstream-hash-by`, which is not honoured yet.', { idle: off }),
    notYet('upstream-hash-by-subset-size', 'Belongs to `upstream-hash-by`, which is not honoured yet.'),
    notYet('load-balance', 'Requests are spread evenly over all endpoints.', { idle: ['', 'round_robin'] }),
  ],
}
