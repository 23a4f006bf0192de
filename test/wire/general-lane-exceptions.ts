/**
 * Request cases that the general lane does not pass, or passes by the branch that is not the strict one, and why. The
 * tests fail when one of them starts to pass strictly, or when another one stops. What node's parser decides comes
 * before anything we can judge.
 */
export type Exception = { readonly id: string; readonly verdict: 'fails' | 'lenient'; readonly reason: string }

const spaces = 'node skips repeated spaces in the request line; the target it finds is the only one there is'
const bareExtension = 'node refuses white space around chunk extensions'
const framingTrailer = 'node refuses framing fields in trailers, where dropping them would do'
const emptyLines = 'node skips any number of empty lines in front of a request'

export const exceptions: readonly Exception[] = [
  { id: 'ok-chunk-te-tab', verdict: 'lenient', reason: 'node refuses HTAB behind the value' },
  { id: 'ok-method-tchars', verdict: 'lenient', reason: 'node knows a fixed list of methods' },
  { id: 'rl-2sp', verdict: 'lenient', reason: spaces },
  { id: 'rl-2sp-ver', verdict: 'lenient', reason: spaces },
  { id: 'tg-backslash', verdict: 'lenient', reason: 'our choice: some endpoints take a backslash for a slash' },
  { id: 'tg-enc-backslash', verdict: 'lenient', reason: 'our choice, as for the plain backslash' },
  { id: 'tg-semi', verdict: 'lenient', reason: 'our choice: some endpoints drop the parameter, then resolve the dots' },
  { id: 'ck-size-zeros', verdict: 'lenient', reason: 'node does not bound leading zeros; the size is written anew' },
  { id: 'ck-ext-noname', verdict: 'lenient', reason: 'node reads extensions loosely; they are never forwarded' },
  { id: 'ck-ext-bws', verdict: 'lenient', reason: bareExtension },
  { id: 'ck-ext-bws2', verdict: 'lenient', reason: bareExtension },
  { id: 'ck-ext-ratio', verdict: 'lenient', reason: 'node bounds one extension, not the share of all' },
  { id: 'ck-trailer-forbidden-0', verdict: 'lenient', reason: framingTrailer },
  { id: 'ck-trailer-forbidden-1', verdict: 'lenient', reason: framingTrailer },
  { id: 'cx-crlf-flood', verdict: 'lenient', reason: emptyLines },
  { id: 'cx-lf-flood', verdict: 'lenient', reason: emptyLines },
  {
    id: 'cx-h2-preface',
    verdict: 'fails',
    reason: 'no HTTP/1: HTTP/2 by prior knowledge is served (lane/clear-http2.test.ts)',
  },
]
