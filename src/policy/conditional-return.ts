/** Answers the requests of which a condition is true, as `if (…) { return …; }` and `return …;` of nginx do. */
import { type TextMatch, textMatcher } from '#lib/text-match.ts'
import type { FilterContext, Reply } from './policy.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'
import { fillIn, publicOrigin, type VariableText } from './variables.ts'

export type ConditionalReturnConfig = {
  /** What is looked at. */
  readonly subject: VariableText
  readonly test:
    /** Of every request. */
    | { readonly kind: 'always' }
    /** Neither empty nor `0`. */
    | { readonly kind: 'set' }
    /** Letter by letter. */
    | { readonly kind: 'equals'; readonly text: string; readonly negated: boolean }
    | { readonly kind: 'matches'; readonly match: TextMatch; readonly negated: boolean }
  readonly answer:
    | { readonly kind: 'status'; readonly status: number; readonly page?: Page }
    /** A URL, or a path of the host asked for. */
    | { readonly kind: 'redirect'; readonly status: number; readonly location: VariableText }
}

/** What is said with a status, in place of its name. */
export type Page = { readonly type: string; readonly text: string }

export const conditionalReturn = definePolicy<ConditionalReturnConfig>({
  kind: 'conditional-return',
  create: ({ subject, test, answer }) => {
    const holds = testOf(test)
    // A text that is too long to be judged is refused where the others would be.
    const whenUnknown = answer.kind === 'status' && answer.status >= 400
    return {
      onRequest: (context) => {
        const verdict = holds(fillIn(subject, context))
        return verdict === true || (verdict === 'unknown' && whenUnknown) ? replyOf(answer, context) : undefined
      },
    }
  },
})

/** Whether a policy is one of these and turns requests away, rather than sending them elsewhere. */
export function turnsAway({ kind, config }: { readonly kind: string; readonly config: unknown }): boolean {
  if (kind !== conditionalReturn.kind) return false
  // Only `spec` of this policy makes configs of its kind, so the cast cannot lie.
  const { answer } = config as ConditionalReturnConfig
  return answer.kind === 'status' && answer.status >= 400
}

function testOf(test: ConditionalReturnConfig['test']): (text: string) => boolean | 'unknown' {
  if (test.kind === 'always') return () => true
  if (test.kind === 'set') return (text) => text !== '' && text !== '0'
  if (test.kind === 'equals') return (text) => (text === test.text) !== test.negated
  const matches = textMatcher([test.match])
  return (text) => {
    const verdict = matches(text)
    return verdict === 'unknown' ? verdict : verdict !== test.negated
  }
}

function replyOf(answer: ConditionalReturnConfig['answer'], context: FilterContext): Reply {
  if (answer.kind === 'redirect') {
    const address = fillIn(answer.location, context)
    const base = address.startsWith('/') ? publicOrigin(context) : ''
    return { status: answer.status, fields: ['Location', base + address], body: '' }
  }
  const { status, page } = answer
  const reply = status < 400 ? { status, fields: [], body: '' } : refuse(status, 'access_denied')
  if (page === undefined) return reply
  return { ...reply, fields: ['Content-Type', page.type, ...withoutType(reply.fields)], body: page.text }
}

/** A refusal begins with the type of its own text. */
function withoutType(fields: readonly string[]): readonly string[] {
  return fields[0] === 'Content-Type' ? fields.slice(2) : fields
}
