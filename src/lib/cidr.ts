/**
 * IP addresses and CIDR ranges (RFC 4632, RFC 4291) as text and as numbers, without allocation per look-up beyond the
 * parsed address.
 */

/** An address as 32-bit words, most significant first: one word for IPv4, four for IPv6. */
export type Address = readonly number[]

/** A range of addresses; `words` has no bit set behind `prefix`. */
export type Cidr = { readonly words: Address; readonly prefix: number }

/**
 * Reads an IPv4 or IPv6 literal without brackets, port or zone. An IPv4-mapped address (`::ffff:192.0.2.1`) is read as
 * the IPv4 address it carries, which is how a dual-stack socket reports its peers. IPv4 octets are decimal without
 * leading zeros. `undefined` when it is not an address.
 */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const word = parseIpv4(text, 0)
    return word === undefined ? undefined : [word]
  }
  const words = parseIpv6(text)
  if (words === undefined) return undefined
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff ? [words[3]!] : words
}

/** The one spelling of an address: IPv4 dotted, IPv6 as RFC 5952 wants it. */
export function formatAddress(address: Address): string {
  if (address.length === 1) return formatIpv4(address[0]!)
  const groups = address.flatMap((word) => [word >>> 16, word & 0xffff])
  const [start, length] = longestZeroRun(groups)
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32`, or a bare address as the range that holds only it. Bits behind the prefix are
 * dropped. `undefined` when it is neither.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (address === undefined) return undefined
  const bits = address.length * 32
  if (slash < 0) return { words: address, prefix: bits }
  let prefix = parsePrefix(text.slice(slash + 1))
  // The prefix of an IPv4-mapped range counts the 96 bits that parseAddress has taken off.
  if (prefix !== undefined && address.length === 1 && text.includes(':')) prefix -= 96
  if (prefix === undefined || prefix < 0 || prefix > bits) return undefined
  return { words: address.map((word, index) => (word & maskOf(prefix - index * 32)) >>> 0), prefix }
}

/** Whether the address lies in the range. Families never match each other. */
export function contains(cidr: Cidr, address: Address): boolean {
  if (cidr.words.length !== address.length) return false
  for (let index = 0; index * 32 < cidr.prefix; index++) {
    if ((address[index]! & maskOf(cidr.prefix - index * 32)) >>> 0 !== cidr.words[index]) return false
  }
  return true
}

/** A test for textual addresses against several ranges; text that is no address matches none. */
export function matcher(cidrs: readonly Cidr[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => false
  return (text) => {
    const address = parseAddress(text)
    return address !== undefined && cidrs.some((cidr) => contains(cidr, address))
  }
}

/** The mask of the `bits` leading bits of one word; out-of-range counts mean none or all. */
function maskOf(bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0
}

function parsePrefix(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined
}

/** The address that fills the text from `start` to its end. */
function parseIpv4(text: string, start: number): number | undefined {
  let word = 0
  let octet = -1
  let octets = 0
  for (let index = start; index <= text.length; index++) {
    const code = index === text.length ? 0x2e : text.charCodeAt(index)
    if (code === 0x2e) {
      if (octet < 0 || ++octets > 4) return undefined
      word = word * 256 + octet
      octet = -1
    } else {
      if (code < 0x30 || code > 0x39 || octet === 0) return undefined
      octet = octet < 0 ? code - 0x30 : octet * 10 + code - 0x30
      if (octet > 255) return undefined
    }
  }
  return octets === 4 ? word : undefined
}

function parseIpv6(text: string): number[] | undefined {
  const groups: number[] = []
  let gap = -1
  let index = 0
  if (text.startsWith('::')) {
    gap = 0
    index = 2
  }
  while (index < text.length) {
    let end = text.indexOf(':', index)
    if (end < 0) end = text.length
    if (end === text.length && text.includes('.', index)) {
      const word = parseIpv4(text, index)
      if (word === undefined) return undefined
      groups.push(word >>> 16, word & 0xffff)
      break
    }
    const group = parseGroup(text, index, end)
    if (group === undefined) return undefined
    groups.push(group)
    if (end === text.length) break
    index = end + 1
    if (text.charCodeAt(index) === 0x3a) {
      if (gap >= 0) return undefined
      gap = groups.length
      index++
    } else if (index === text.length) return undefined
  }
  if (gap < 0 ? groups.length !== 8 : groups.length > 7) return undefined
  if (gap >= 0) groups.splice(gap, 0, ...Array.from({ length: 8 - groups.length }, () => 0))
  return [0, 2, 4, 6].map((at) => groups[at]! * 0x10000 + groups[at + 1]!)
}

function parseGroup(text: string, start: number, end: number): number | undefined {
  if (end === start || end - start > 4) return undefined
  let group = 0
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index)
    const lower = code | 0x20
    if (code >= 0x30 && code <= 0x39) group = group * 16 + code - 0x30
    else if (lower >= 0x61 && lower <= 0x66) group = group * 16 + lower - 0x57
    else return undefined
  }
  return group
}

function hex(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}

function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

/** Start and length of the longest run of zero groups, the first of equals. */
function longestZeroRun(groups: readonly number[]): readonly [number, number] {
  let best: readonly [number, number] = [0, 0]
  let start = 0
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === 0) continue
    if (index - start > best[1]) best = [start, index - start]
    start = index + 1
  }
  return best
}
