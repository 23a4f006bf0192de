/** Keys of the global ConfigMap about the log of requests. */
import { parseTextMatch, type TextMatch } from '#lib/text-match.ts'
import type { AccessLogSpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured, noEffect, off, refused } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readWords, report } from '../setting.ts'

const counted = 'They are counted all the same.'
const lines = 'Lines are JSON objects, see docs/observability.md.'
const ownFlag = '`--access-log PATH` says where the log goes.'
const noStreams = 'Only HTTP is proxied.'
const shipped =
  'Nothing is sent to a syslog server: let a log shipper read standard output or the file of `--access-log`.'

export const logKeys: readonly AnnotationRow[] = [
  honoured('disable-access-log', 'true, false (false)', `No request is in the access log. ${counted}`),
  honoured('disable-http-access-log', 'true, false (false)', 'The same: only HTTP is proxied.'),
  honoured(
    'enable-access-log-for-default-backend',
    'true, false (true)',
    'With `false`, requests that no rule takes are not in the access log.',
    { difference: 'In ingress-nginx the default is `false`.' },
  ),
  honoured(
    'skip-access-log-urls',
    'texts, `~` and `~*` expressions, with commas between',
    `Requests whose path and query, as received, are one of the texts (whatever their case) or match an expression (RE2) are not in the access log. ${counted}`,
  ),
  noEffect('disable-stream-access-log', noStreams, { idle: off }),
  noEffect('access-log-path', ownFlag),
  noEffect('http-access-log-path', ownFlag),
  noEffect('stream-access-log-path', noStreams),
  noEffect('access-log-params', `${ownFlag} Every line is written at once; rotate the file with copytruncate.`),
  noEffect('log-format-upstream', lines),
  noEffect('log-format-stream', noStreams),
  noEffect('log-format-escape-json', `${lines} They are always escaped.`),
  noEffect('log-format-escape-none', `${lines} They are always escaped.`),
  noEffect('error-log-path', 'The log goes to standard error.'),
  noEffect('error-log-level', '`--log-level` says what is logged.'),
  refused('enable-syslog', shipped, { idle: off }),
  noEffect('syslog-host', 'Belongs to `enable-syslog`, which is refused.'),
  noEffect('syslog-port', 'Belongs to `enable-syslog`, which is refused.'),
]

/** `undefined` where every request is logged. */
export function readAccessLog(scope: Scope): AccessLogSpec | undefined {
  const isOff = readBoolean(scope, 'disable-access-log', false)
  const isHttpOff = readBoolean(scope, 'disable-http-access-log', false)
  const unmatched = readBoolean(scope, 'enable-access-log-for-default-backend', true)
  const skip = readSkipped(scope)
  const spec: AccessLogSpec = {
    ...(isOff || isHttpOff ? { off: true } : {}),
    ...(unmatched ? {} : { unmatched: false }),
    ...(skip.length === 0 ? {} : { skip }),
  }
  return Object.keys(spec).length === 0 ? undefined : spec
}

function readSkipped(scope: Scope): readonly TextMatch[] {
  return readWords(scope, 'skip-access-log-urls').flatMap((word) => {
    const parsed = parseTextMatch(word)
    if (parsed.ok) return [parsed.match]
    report(scope, 'skip-access-log-urls', {
      expected: 'texts and expressions',
      because: `${JSON.stringify(word)}: ${parsed.problem}`,
      instead: 'that one is left out, and its requests are logged',
    })
    return []
  })
}
