/** Which addresses may pass: 403 for the others. Whoever is denied is denied, whatever else allows it. */
import { matcher, parseCidr } from '#lib/cidr.ts'
import { type Check, filterOf } from './check.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'

export type AccessConfig = {
  /** CIDRs. */
  readonly deny: readonly string[]
  /** CIDRs; `undefined` for everybody. */
  readonly allow: readonly string[] | undefined
}

export const access = definePolicy<AccessConfig>({ kind: 'access', create: (config) => filterOf(accessCheck(config)) })

export function accessCheck({ deny, allow }: AccessConfig): Check {
  const isDenied = matcher(deny.flatMap((text) => parseCidr(text) ?? []))
  const isAllowed = allow === undefined ? () => true : matcher(allow.flatMap((text) => parseCidr(text) ?? []))
  const refusal = refuse(403, 'access_denied')
  return { ask: ({ client }) => (isDenied(client.address) || !isAllowed(client.address) ? refusal : undefined) }
}
