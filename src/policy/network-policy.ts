/**
 * Who may reach the Pods behind a route, as NetworkPolicy objects say it of addresses: the client must be in a block and
 * in none of that block's exceptions. Policies add up, so one block is enough; without any, nobody may.
 */
import { matcher, parseCidr } from '#lib/cidr.ts'
import { definePolicy } from './policy.ts'
import { refuse } from './refusal.ts'

export type AddressBlock = { readonly cidr: string; readonly except: readonly string[] }

export type NetworkPolicyConfig = {
  readonly blocks: readonly AddressBlock[]
  /** `namespace/name` of the policies, for people. */
  readonly policies: readonly string[]
}

export const networkPolicy = definePolicy<NetworkPolicyConfig>({
  kind: 'network-policy',
  create: ({ blocks }) => {
    const tests = blocks.map(({ cidr, except }) => ({ isIn: testOf([cidr]), isExcepted: testOf(except) }))
    const refusal = refuse(403, 'access_denied')
    return {
      onRequest: ({ client }) =>
        tests.some(({ isIn, isExcepted }) => isIn(client.address) && !isExcepted(client.address)) ? undefined : refusal,
    }
  },
})

function testOf(texts: readonly string[]): (address: string) => boolean {
  return matcher(texts.flatMap((text) => parseCidr(text) ?? []))
}
