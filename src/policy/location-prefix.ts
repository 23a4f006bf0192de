/** Replaces the beginning of the addresses that endpoints redirect to, in Location and Refresh. */
import { equalsLower } from '#http/grammar.ts'
import { definePolicy } from './policy.ts'

export type LocationPrefixConfig = { readonly from: string; readonly to: string }

export const locationPrefix = definePolicy<LocationPrefixConfig>({
  kind: 'location-prefix',
  create: ({ from, to }) => ({
    onResponse: (_, { fields }) => {
      for (let at = 0; at < fields.length; at += 2) {
        const value = fields[at + 1]!
        if (equalsLower(fields[at]!, 'location') && value.startsWith(from))
          fields[at + 1] = to + value.slice(from.length)
        else if (equalsLower(fields[at]!, 'refresh')) fields[at + 1] = rewriteRefresh(value, from, to)
      }
    },
  }),
})

/** `5; url=http://backend/` */
function rewriteRefresh(value: string, from: string, to: string): string {
  const start = /^[^;]*;\s*url=/i.exec(value)?.[0].length
  return start !== undefined && value.startsWith(from, start)
    ? value.slice(0, start) + to + value.slice(start + from.length)
    : value
}
