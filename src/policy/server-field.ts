/**
 * Takes the Server field away (RFC 9110 section 10.2.4). Every other response has one: the endpoint's, or our name where
 * the endpoint says nothing. A version is never told.
 */
import { get, remove } from '#http/fields.ts'
import { definePolicy } from './policy.ts'

export const serverName = 'genkan'

export type ServerFieldConfig = {
  /** What endpoints say of themselves is passed on. */
  readonly keepEndpoints: boolean
}

export const serverField = definePolicy<ServerFieldConfig>({
  kind: 'server-field',
  create: ({ keepEndpoints }) => ({
    onResponse: (_, { fields }) => {
      if (!keepEndpoints || get(fields, 'server') === serverName) remove(fields, 'server')
    },
  }),
})
