/**
 * Sends a copy of every request to somebody else and forgets about it: the answer is thrown away, a slow or broken
 * mirror is not waited for, and beyond a bound copies are left out. The copy has no body.
 */
import { isHopByHop } from '#http/hop-by-hop.ts'
import { equalsLower } from '#http/grammar.ts'
import type { FilterContext } from './policy.ts'
import { definePolicy } from './policy.ts'
import { fillIn, type VariableText } from './variables.ts'

export type MirrorConfig = {
  /** `https://mirror.test:8443` */
  readonly origin: string
  /** Path and query. */
  readonly target: VariableText
  readonly host: string
  readonly connectMs: number
  readonly readMs: number
}

/** Copies on their way per route and worker. */
export const mostCopies = 128

export const mirror = definePolicy<MirrorConfig>({
  kind: 'mirror',
  create: ({ origin, target, host, connectMs, readMs }, { ask }) => {
    let copies = 0
    const done = (): void => {
      copies -= 1
    }
    return {
      onRequest: (context) => {
        if (copies >= mostCopies) return undefined
        copies += 1
        const path = fillIn(target, context).replace(/^\/\/+/, '/')
        ask({
          to: { kind: 'origin', origin },
          method: context.received.method,
          target: path,
          fields: fieldsOf(context, host),
          connectMs,
          readMs,
          optional: true,
        }).then(done, done)
        return undefined
      },
    }
  },
})

function fieldsOf({ sent }: FilterContext, host: string): string[] {
  const fields = ['Host', host]
  for (let at = 0; at < sent.fields.length; at += 2) {
    const name = sent.fields[at]!
    if (!isHopByHop(name) && !equalsLower(name, 'host')) fields.push(name, sent.fields[at + 1]!)
  }
  return fields
}
