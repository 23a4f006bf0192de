/** Only the client's own X-Request-ID goes to the endpoint: what we call the request stays with us. */
import { get, remove } from '#http/fields.ts'
import { definePolicy } from './policy.ts'

export const ownRequestId = definePolicy<Readonly<Record<string, never>>>({
  kind: 'own-request-id',
  create: () => ({
    onRequest: ({ received, sent }) => {
      if (get(received.fields, 'x-request-id') === undefined) remove(sent.fields, 'x-request-id')
      return undefined
    },
  }),
})
