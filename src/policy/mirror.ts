/**
 * Sends a copy of every request to somebody else and forgets about it: the answer is thrown away, a slow or broken
 * mirror is not waited for, and beyond a bound copies are left out. A copy with a body leaves when all of that has come;
 * one whose body cannot be had whole is left out, for without it or with a part of it it would be another request.
 */
import { isHopByHop } from '#http/hop-by-hop.ts'
import { equalsLower } from '#http/grammar.ts'
import { BodyCopy, type CopyFault } from './body-copy.ts'
import type { FilterContext, Question } from './policy.ts'
import { definePolicy } from './policy.ts'
import { fillIn, type VariableText } from './variables.ts'

export type MirrorConfig = {
  /** `https://mirror.test:8443` */
  readonly origin: string
  /** Path and query. */
  readonly target: VariableText
  readonly host: string
  /** The copy has the body of the request. */
  readonly body: boolean
  readonly connectMs: number
  readonly readMs: number
}

/** Copies on their way per route and worker. */
export const mostCopies = 128

export const mirror = definePolicy<MirrorConfig>({
  kind: 'mirror',
  create: (config, { ask, copies: budget, note }) => {
    let copies = 0
    const leaveOut = (why: CopyFault | 'too many are on their way'): void =>
      note(`a copy of a request was left out: ${why}`, config.origin)
    const send = (question: Question, release: () => void): void => {
      if (copies >= mostCopies) {
        release()
        return leaveOut('too many are on their way')
      }
      copies += 1
      const done = (): void => {
        copies -= 1
        release()
      }
      ask(question).then(done, done)
    }
    return {
      onRequest: (context) => {
        // Policies behind this one change what is sent, so what is copied is taken down now.
        const question = questionOf(context, config)
        const onWhole = (body: Buffer, release: () => void): void => send({ ...question, body }, release)
        const waits =
          config.body && context.watchBody?.(new BodyCopy(budget, { onWhole, onGivenUp: leaveOut })) === true
        if (!waits) send(question, nothingTaken)
        return undefined
      },
    }
  },
})

function questionOf(context: FilterContext, { origin, target, host, connectMs, readMs }: MirrorConfig): Question {
  return {
    to: { kind: 'origin', origin },
    method: context.received.method,
    target: fillIn(target, context).replace(/^\/\/+/, '/'),
    fields: fieldsOf(context, host),
    connectMs,
    readMs,
    optional: true,
  }
}

function nothingTaken(): void {}

function fieldsOf({ sent }: FilterContext, host: string): string[] {
  const fields = ['Host', host]
  for (let at = 0; at < sent.fields.length; at += 2) {
    const name = sent.fields[at]!
    if (!isHopByHop(name) && !equalsLower(name, 'host')) fields.push(name, sent.fields[at + 1]!)
  }
  return fields
}
