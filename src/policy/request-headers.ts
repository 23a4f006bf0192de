/** Fields for the endpoint, in place of those of the same name that the client sent. An empty value takes them away. */
import { remove, set } from '#http/fields.ts'
import { definePolicy } from './policy.ts'

/** A flat list of name, value. */
export type RequestHeadersConfig = { readonly fields: readonly string[] }

export const requestHeaders = definePolicy<RequestHeadersConfig>({
  kind: 'request-headers',
  create: ({ fields }) => ({
    onRequest: ({ sent }) => {
      for (let at = 0; at < fields.length; at += 2) {
        if (fields[at + 1] === '') remove(sent.fields, fields[at]!.toLowerCase())
        else set(sent.fields, fields[at]!, fields[at + 1]!)
      }
      return undefined
    },
  }),
})
