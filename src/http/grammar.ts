/**
 * The character classes of HTTP (RFC 9110 section 5.6) as look-up tables, and comparisons that neither allocate nor
 * fold anything but ASCII.
 */

const token = tableOf((code) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(code)))
const value = tableOf((code) => code === 0x09 || (code >= 0x20 && code !== 0x7f))
const visible = tableOf((code) => code > 0x20 && code < 0x7f)

/** A token: one or more tchar. Field names and methods are tokens. */
export function isToken(text: string): boolean {
  return text.length > 0 && every(text, token)
}

/** A field value: no controls but HTAB; bytes above 0x7F are opaque (obs-text), characters above 0xFF are no bytes. */
export function isFieldValue(text: string): boolean {
  return every(text, value)
}

/** One or more visible ASCII characters, no space. */
export function isVisible(text: string): boolean {
  return text.length > 0 && every(text, visible)
}

/** Whether `text` is `lower` but for the case of ASCII letters. `lower` must be in lower case. */
export function equalsLower(text: string, lower: string): boolean {
  if (text === lower) return true
  if (text.length !== lower.length) return false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if ((code >= 0x41 && code <= 0x5a ? code + 0x20 : code) !== lower.charCodeAt(index)) return false
  }
  return true
}

/** Whether `text` begins with `lower` but for the case of ASCII letters. */
export function startsWithLower(text: string, lower: string): boolean {
  return text.length >= lower.length && equalsLower(text.slice(0, lower.length), lower)
}

/** Without the optional white space (SP, HTAB) at both ends; the same string when there is none. */
export function trimOws(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isOws(text.charCodeAt(start))) start++
  while (end > start && isOws(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

/** A case-insensitive set of names, asked without allocation. `names` must be in lower case. */
export function nameSet(names: readonly string[]): (name: string) => boolean {
  const byLength: string[][] = []
  for (const name of names) (byLength[name.length] ??= []).push(name)
  return (name) => {
    const bucket = byLength[name.length]
    if (bucket === undefined) return false
    for (const each of bucket) if (equalsLower(name, each)) return true
    return false
  }
}

/** A table of 256 flags. */
export function tableOf(test: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (test(code) ? 1 : 0))
}

function every(text: string, table: Uint8Array): boolean {
  // Above 255 the table answers `undefined`, which is not 1 either.
  for (let index = 0; index < text.length; index++) if (table[text.charCodeAt(index)] !== 1) return false
  return true
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09
}
