/** Keys of the global ConfigMap about clients that are turned away everywhere. */
import { parseCidr } from '#lib/cidr.ts'
import { parseTextMatch, type TextMatch } from '#lib/text-match.ts'
import { blocklist } from '#policy/blocklist.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readWords, report } from '../setting.ts'

const grammar = 'texts, `~` and `~*` expressions, with commas between'
const closing = 'An entry that cannot be read closes every route.'

export const blockKeys: readonly AnnotationRow[] = [
  honoured(
    'block-cidrs',
    'addresses and CIDRs, with commas between',
    `Requests of these clients are 403 on every route, before redirects, limits and authentication. ${closing}`,
    { guards: true },
  ),
  honoured(
    'block-user-agents',
    grammar,
    `The same for what User-Agent says: the whole of it without regard to case, or an expression (RE2) anywhere in it, \`~*\` without regard to case. A value too long for an expression (8 KiB) is refused. ${closing}`,
    { guards: true },
  ),
  honoured('block-referers', grammar, `The same for what Referer says. ${closing}`, { guards: true }),
]

export type Blocks = {
  /** On every route; `undefined` where nobody is turned away. */
  readonly policy: PolicySpec | undefined
  readonly closed: string | undefined
}

export function readBlocks(scope: Scope): Blocks {
  const addresses = readWords(scope, 'block-cidrs')
  const strange = addresses.find((each) => parseCidr(each) === undefined)
  if (strange !== undefined) refuse(scope, 'block-cidrs', JSON.stringify(strange))
  const userAgents = readMatches(scope, 'block-user-agents')
  const referers = readMatches(scope, 'block-referers')
  if (strange !== undefined || userAgents === undefined || referers === undefined)
    return { policy: undefined, closed: 'a list of clients to block in the global ConfigMap cannot be read' }
  const isEmpty = addresses.length + userAgents.length + referers.length === 0
  return { policy: isEmpty ? undefined : blocklist.spec({ addresses, userAgents, referers }), closed: undefined }
}

/** `undefined`, and an error, when one of them cannot be read. */
function readMatches(scope: Scope, name: string): readonly TextMatch[] | undefined {
  const matches: TextMatch[] = []
  for (const word of readWords(scope, name)) {
    const parsed = parseTextMatch(word)
    if (!parsed.ok) {
      refuse(scope, name, `${JSON.stringify(word)}: ${parsed.problem}`)
      return undefined
    }
    matches.push(parsed.match)
  }
  return matches
}

function refuse(scope: Scope, name: string, because: string): void {
  report(scope, name, {
    severity: 'error',
    expected: name === 'block-cidrs' ? 'addresses and CIDRs such as 10.0.0.0/8' : 'texts and expressions',
    because,
    instead: 'every route answers 503 rather than let the wrong clients pass',
  })
}
