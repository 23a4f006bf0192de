/** Annotations about cross-origin requests. Without them browsers refuse, so nothing is opened by their absence. */
import type { AnnotationGroup } from '../annotation.ts'
import { notYet, off } from '../annotation.ts'

const waits = 'Belongs to `enable-cors`, which is not honoured yet.'

export const cors: AnnotationGroup = {
  title: 'CORS',
  rows: [
    notYet('enable-cors', 'No CORS fields are added; those of the backend are passed on.', { idle: off }),
    notYet('cors-allow-origin', waits),
    notYet('cors-allow-methods', waits),
    notYet('cors-allow-headers', waits),
    notYet('cors-allow-credentials', waits),
    notYet('cors-expose-headers', waits),
    notYet('cors-max-age', waits),
  ],
}
