/**
 * Request cases that the fast lane passes by the branch that is not the strict one, and why. What it leaves to the
 * general lane is judged there; what it reads itself it never reads where node's parser would not.
 */
import type { Exception } from './general-lane-exceptions.ts'

const asNode = 'node refuses it, and nothing is accepted here that node refuses'

export const exceptions: readonly Exception[] = [
  {
    id: 'ok-chunk-te-tab',
    verdict: 'lenient',
    reason: 'left to the general lane, where node refuses HTAB behind the value',
  },
  {
    id: 'ok-method-tchars',
    verdict: 'lenient',
    reason: 'left to the general lane, where node knows a fixed list of methods',
  },
  { id: 'tg-backslash', verdict: 'lenient', reason: 'our choice: some endpoints take a backslash for a slash' },
  { id: 'tg-enc-backslash', verdict: 'lenient', reason: 'our choice, as for the plain backslash' },
  { id: 'tg-semi', verdict: 'lenient', reason: 'our choice: some endpoints drop the parameter, then resolve the dots' },
  { id: 'ck-ext-bws', verdict: 'lenient', reason: asNode },
  { id: 'ck-ext-bws2', verdict: 'lenient', reason: asNode },
  { id: 'ck-trailer-forbidden-0', verdict: 'lenient', reason: asNode },
  { id: 'ck-trailer-forbidden-1', verdict: 'lenient', reason: asNode },
  {
    id: 'cx-h2-preface',
    verdict: 'fails',
    reason: 'no HTTP/1: HTTP/2 by prior knowledge is served (lane/clear-http2.test.ts)',
  },
]
