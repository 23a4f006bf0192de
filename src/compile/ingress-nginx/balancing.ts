/** Annotations about the choice of an endpoint. */
import type { BalanceSpec } from '#snapshot/snapshot.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readInteger, readText, readWord, report } from '../setting.ts'
import type { Wish } from '../upstream-wish.ts'
import { hashKeyGrammar, parseHashKey } from './hash-key.ts'

const first = 'The oldest Ingress that says something about a Service port counts for all of its routes.'

export const balancing: AnnotationGroup = {
  title: 'Load balancing',
  rows: [
    honoured(
      'load-balance',
      'round_robin, ewma; chash, chashsubset, sticky_balanced, sticky_persistent (round_robin)',
      `How an endpoint is chosen. ${first} \`chash…\` and \`sticky_…\` say nothing that \`upstream-hash-by\` and \`affinity\` do not say, and without those mean round_robin. Another value is a warning; ingress-nginx leaves out the whole Ingress.`,
    ),
    honoured(
      'upstream-hash-by',
      `${hashKeyGrammar}, with or without braces; at most 512 characters`,
      `Requests with the same key go to the same endpoint (ring hash with bounded load). It counts before \`load-balance\`. ${first} A variable that is not listed is a warning, and the key is ignored; ingress-nginx leaves out the whole Ingress, or hashes an empty text.`,
    ),
    honoured(
      'upstream-hash-by-subset',
      'true, false (false)',
      'The key chooses a group of endpoints, and chance one of them.',
    ),
    honoured('upstream-hash-by-subset-size', 'a whole number of at least 1 (3)', 'How many endpoints are in a group.'),
  ],
}

const words = ['round_robin', 'ewma', 'chash', 'chashsubset', 'sticky_balanced', 'sticky_persistent'] as const

/** What an Ingress asks for; `undefined` when it asks for nothing that can be read. */
export function readBalance(scope: Scope): Wish<BalanceSpec> | undefined {
  const hash = readHash(scope)
  const plain = readLoadBalance(scope, hash !== undefined)
  return hash ?? plain
}

/** `load-balance` of an annotation or of the global ConfigMap. */
export function readLoadBalance(scope: Scope, hashed: boolean): Wish<BalanceSpec> | undefined {
  const word = readWord(scope, 'load-balance', words)
  if (word === undefined) return undefined
  const wish = (value: BalanceSpec): Wish<BalanceSpec> => ({ value, key: 'load-balance', at: scope.at('load-balance') })
  if (word === 'ewma') return wish({ kind: 'ewma' })
  if (word.startsWith('chash') && !hashed)
    report(scope, 'load-balance', { expected: 'upstream-hash-by beside it', instead: 'round_robin is used' })
  if (word.startsWith('sticky') && readText(scope, 'affinity') === undefined)
    report(scope, 'load-balance', { expected: 'affinity beside it', instead: 'round_robin is used' })
  return wish({ kind: 'roundRobin' })
}

function readHash(scope: Scope): Wish<BalanceSpec> | undefined {
  const text = readText(scope, 'upstream-hash-by')
  // Read in any case, so that a bad value is reported.
  const inSubset = readBoolean(scope, 'upstream-hash-by-subset', false)
  const size = readInteger(scope, 'upstream-hash-by-subset-size', 3, { min: 1, max: 10_000 })
  if (text === undefined) return undefined
  const key = parseHashKey(text)
  if (typeof key === 'string') {
    report(scope, 'upstream-hash-by', { expected: hashKeyGrammar, because: key, instead: 'the key is ignored' })
    return undefined
  }
  return {
    value: { kind: 'ringHash', key, ...(inSubset ? { subset: size } : {}) },
    key: 'upstream-hash-by',
    at: scope.at('upstream-hash-by'),
  }
}
