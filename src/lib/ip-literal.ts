/**
 * Is this text an IP address? The strict textual forms only: no octal, no missing parts, no zone, no brackets.
 */

/** 4, 6 or `undefined` when the text is no IP address (RFC 4291 section 2.2 for IPv6). */
export function ipFamily(text: string): 4 | 6 | undefined {
  if (isIPv4(text)) return 4
  return isIPv6(text) ? 6 : undefined
}

function isIPv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
}

function isIPv6(text: string): boolean {
  if (text.length > 45) return false
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  let count = groups.length
  const last = groups.at(-1)
  // An IPv4 tail stands for the last two groups, so it must be last in the whole text.
  if (last?.includes('.')) {
    if (!isIPv4(last) || !text.endsWith(last)) return false
    groups.pop()
    count++
  }
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false
  return halves.length === 2 ? count <= 7 : count === 8
}
