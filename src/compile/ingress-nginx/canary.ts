/** Annotations that split traffic between two versions. */
import type { AnnotationGroup } from '../annotation.ts'
import { absent, notYet, off } from '../annotation.ts'

const waits = 'Belongs to `canary`, which is not honoured yet.'

export const canary: AnnotationGroup = {
  title: 'Canary',
  rows: [
    absent('canary', 'The canary Ingress adds no routes: all of its traffic stays with the main Ingress of the same host and path.', { idle: off }),
    notYet('canary-by-header', waits),
    notYet('canary-by-header-value', waits),
    notYet('canary-by-header-pattern', waits),
    notYet('canary-by-cookie', waits),
    notYet('canary-weight', waits, { idle: ['', '0'] }),
    notYet('canary-weight-total', waits),
    notYet('affinity-canary-behavior', waits),
  ],
}
