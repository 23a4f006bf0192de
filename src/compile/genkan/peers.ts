/** Our own annotation on NetworkPolicy objects; ../network-policy.ts reads it. */
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'

export const peers: AnnotationGroup = {
  title: 'Network policies',
  rows: [
    honoured(
      'network-policy-peers',
      'refuse, admit (refuse)',
      'On a NetworkPolicy: whether the peers that it chooses by labels include the front door. With `admit` they let everybody in who comes through it, with `refuse` nobody.',
      { on: ['NetworkPolicy'] },
    ),
  ],
}
