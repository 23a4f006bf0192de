/**
 * IP addresses in the forms that DNS names give them: canonical text, dashes for dots and colons, reverse names.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** One spelling per address (RFC 5952 for IPv6); `undefined` when the text is no IP address. */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  if (!isIPv6(text) || text.includes('%')) return undefined
  return new URL(`http://[${text}]/`).hostname.slice(1, -1)
}

/** `10-1-2-3`, `fd00--7`: a Pod's name as CoreDNS makes one from its address. */
export function toDashed(address: string): string {
  return address.replaceAll(/[.:]/g, '-')
}

/** The address that a dashed label spells; `undefined` when it spells none. */
export function fromDashed(label: string): string | undefined {
  const dotted = label.replaceAll('-', '.')
  return isIPv4(dotted) ? dotted : canonicalAddress(label.replaceAll('-', ':'))
}

/**
 * The address that a complete reverse name asks for (RFC 1035 section 3.5, RFC 3596 section 2.5), given its labels in
 * lower case from left to right; `undefined` for a name between the addresses, `arpa` itself for one.
 */
export function fromReverse(labels: readonly string[]): string | undefined {
  const digits = labels.slice(0, -2).toReversed()
  if (labels.at(-2) === 'in-addr') return digits.length === 4 ? canonicalAddress(digits.join('.')) : undefined
  if (digits.length !== 32 || !digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined
  return canonicalAddress(digits.join('').replaceAll(/.{4}(?=.)/g, '$&:'))
}

/**
 * The label that OpenShift's DNS gives an endpoint without hostname: FNV-1a (32 bit) of the address text in
 * hexadecimal, without leading zeros.
 */
export function fnvLabel(address: string): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(address)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash.toString(16)
}
