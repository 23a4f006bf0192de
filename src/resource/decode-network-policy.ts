/**
 * NetworkPolicy, with the API server's own validation. Unknown fields are errors: a misspelt `from` would let everybody
 * in.
 */
import { contains, parseAddress, parseCidr } from '#lib/cidr.ts'
import type { Bad, Decoder } from './decoder.ts'
import {
  integer,
  list,
  mapped,
  object,
  oneOf,
  optional,
  string,
  stringMap,
  stringThat,
  withDefault,
} from './decoder.ts'
import { portRef, protocol } from './decode-service.ts'
import type { LabelSelector, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from './resource.ts'

const expression: Decoder<LabelSelector['matchExpressions'][number]> = mapped(
  object({ key: string, operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'), values: list(string) }),
  (value, report) => {
    const needsValues = value.operator === 'In' || value.operator === 'NotIn'
    if (needsValues === value.values.length > 0) return value
    return report.error(
      needsValues ? `expected values with ${value.operator}, found none` : `expected no values with ${value.operator}`,
      ['values'],
    )
  },
)

const selector: Decoder<LabelSelector> = object({ matchLabels: stringMap, matchExpressions: list(expression) })

const cidr = stringThat('a CIDR such as 10.0.0.0/8', (text) => text.includes('/') && parseCidr(text) !== undefined)

const block = mapped(object({ cidr, except: list(cidr) }), (value, report) => {
  const outer = parseCidr(value.cidr)!
  for (const [index, text] of value.except.entries()) {
    const inner = parseCidr(text)!
    const address = parseAddress(text.slice(0, text.indexOf('/')))!
    if (contains(outer, address) && inner.prefix > outer.prefix) continue
    return report.error(`expected a part of ${value.cidr}, found ${text}`, ['except', index])
  }
  return value
})

const peer: Decoder<NetworkPolicyPeer> = mapped(
  object({ ipBlock: optional(block), podSelector: optional(selector), namespaceSelector: optional(selector) }),
  ({ ipBlock, podSelector, namespaceSelector }, report): NetworkPolicyPeer | Bad => {
    const isSelected = podSelector !== undefined || namespaceSelector !== undefined
    if (ipBlock !== undefined && isSelected) return report.error('expected either an ipBlock or selectors, found both')
    if (ipBlock !== undefined) return { kind: 'block', ...ipBlock }
    if (!isSelected)
      return report.error('expected an ipBlock, a podSelector or a namespaceSelector, found none', [], 'missing-field')
    return { kind: 'selector' }
  },
)

const port: Decoder<NetworkPolicyPort> = mapped(
  object({ protocol, port: optional(portRef), endPort: optional(integer(1, 65535)) }),
  (value, report) => {
    if (value.endPort === undefined) return value
    if (value.port?.kind === 'number' && value.endPort >= value.port.number) return value
    return report.error('expected endPort together with a port that is a number and not greater', ['endPort'])
  },
)

const rule = object({ from: list(peer), ports: list(port) })

const anything: Decoder<true> = { expected: 'anything', read: () => true }

const spec: Decoder<NetworkPolicy['spec']> = mapped(
  object({
    podSelector: withDefault(selector, { matchLabels: {}, matchExpressions: [] }),
    policyTypes: list(oneOf('Ingress', 'Egress')),
    ingress: list(rule),
    egress: optional(anything),
  }),
  // Without types a policy is about what comes in, and about what goes out when it says something of that.
  ({ podSelector, policyTypes, ingress }) => ({
    podSelector,
    ingress,
    policyTypes: policyTypes.length > 0 ? policyTypes : ['Ingress'],
  }),
)

export const networkPolicyFields = { spec }
