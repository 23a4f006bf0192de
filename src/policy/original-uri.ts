/** Tells the endpoint what the client asked for, before any rewrite. */
import { set } from '#http/fields.ts'
import { definePolicy } from './policy.ts'

export const originalUri = definePolicy<Readonly<Record<string, never>>>({
  kind: 'original-uri',
  create: () => ({
    onRequest: ({ path, query, received, sent }) => {
      set(sent.fields, 'X-Original-URI', received.target.startsWith('/') ? received.target : path + query)
      return undefined
    },
  }),
})
