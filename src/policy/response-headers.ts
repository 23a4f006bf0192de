/** Fields for the client, on responses of endpoints and on our own. */
import { remove, set } from '#http/fields.ts'
import type { ResponseHead } from '#http/head.ts'
import { definePolicy } from './policy.ts'

export type ResponseHeader = {
  readonly name: string
  readonly value: string
  /** `set` takes the place of the endpoint's, `add` stands beside it, `remove` only takes it away. */
  readonly mode: 'set' | 'add' | 'remove'
  /** Statuses it is for; absent for all. */
  readonly statuses?: readonly number[]
}

export type ResponseHeadersConfig = { readonly headers: readonly ResponseHeader[] }

export const responseHeaders = definePolicy<ResponseHeadersConfig>({
  kind: 'response-headers',
  create: ({ headers }) => ({
    onResponse: (_, head) => {
      for (const header of headers) apply(header, head)
    },
  }),
})

function apply({ name, value, mode, statuses }: ResponseHeader, { status, fields }: ResponseHead): void {
  if (statuses !== undefined && !statuses.includes(status)) return
  if (mode === 'add') fields.push(name, value)
  else if (mode === 'set') set(fields, name, value)
  else remove(fields, name.toLowerCase())
}
