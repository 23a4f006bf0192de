/**
 * Clients that nobody wants to serve, whatever they ask for: by address, by what they call themselves, by where they say
 * they come from. 403 before anything else is done.
 */
import { all } from '#http/fields.ts'
import { matcher, parseCidr } from '#lib/cidr.ts'
import { type TextMatch, textMatcher } from '#lib/text-match.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'

export type BlocklistConfig = {
  /** CIDRs. */
  readonly addresses: readonly string[]
  /** Of User-Agent. */
  readonly userAgents: readonly TextMatch[]
  /** Of Referer. */
  readonly referers: readonly TextMatch[]
}

export const blocklist = definePolicy<BlocklistConfig>({
  kind: 'blocklist',
  create: ({ addresses, userAgents, referers }) => {
    const isBlocked = matcher(addresses.flatMap((text) => parseCidr(text) ?? []))
    const isAgent = textMatcher(userAgents)
    const isReferer = textMatcher(referers)
    const refusal = refuse(403, 'access_denied')
    return {
      onRequest: ({ client, received: { fields } }) => {
        if (addresses.length > 0 && isBlocked(client.address)) return refusal
        // What is too long to be judged is refused, or length would be a way around the list.
        if (userAgents.length > 0 && isAgent(all(fields, 'user-agent').join(', ')) !== false) return refusal
        return referers.length > 0 && isReferer(all(fields, 'referer').join(', ')) !== false ? refusal : undefined
      },
    }
  },
})
