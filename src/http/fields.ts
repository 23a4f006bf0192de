/**
 * Reading and changing a flat field list (name, value, name, value). Names are compared without regard to ASCII case;
 * every `lowerName` is given in lower case.
 */
import { equalsLower, trimOws } from './grammar.ts'

/** The first value of that name, as it stands in the list. */
export function get(fields: readonly string[], lowerName: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2) if (equalsLower(fields[at]!, lowerName)) return fields[at + 1]
  return undefined
}

/** How many lines have that name. */
export function count(fields: readonly string[], lowerName: string): number {
  let lines = 0
  for (let at = 0; at < fields.length; at += 2) if (equalsLower(fields[at]!, lowerName)) lines++
  return lines
}

/** The values of all lines of that name, in order. */
export function all(fields: readonly string[], lowerName: string): string[] {
  const values: string[] = []
  for (let at = 0; at < fields.length; at += 2) if (equalsLower(fields[at]!, lowerName)) values.push(fields[at + 1]!)
  return values
}

/** Makes `name` a single line with that value: in the place of the first one, else at the end. */
export function set(fields: string[], name: string, value: string): void {
  const lowerName = name.toLowerCase()
  for (let at = 0; at < fields.length; at += 2) {
    if (!equalsLower(fields[at]!, lowerName)) continue
    fields[at] = name
    fields[at + 1] = value
    removeFrom(fields, lowerName, at + 2)
    return
  }
  fields.push(name, value)
}

/** Removes every line of that name. */
export function remove(fields: string[], lowerName: string): void {
  removeFrom(fields, lowerName, 0)
}

/**
 * The members of a comma-separated list (RFC 9110 section 5.6.1): trimmed, empty members dropped. Commas inside quoted
 * strings do not separate; an unfinished quoted string runs to the end.
 */
export function listMembers(value: string): string[] {
  const members: string[] = []
  let start = 0
  let quoted = false
  for (let index = 0; index <= value.length; index++) {
    const atEnd = index === value.length
    const code = atEnd ? 0x2c : value.charCodeAt(index)
    if (quoted && !atEnd) {
      if (code === 0x22) quoted = false
      else if (code === 0x5c && index + 1 < value.length) index++
    } else if (code === 0x22) {
      quoted = true
    } else if (code === 0x2c) {
      const member = trimOws(value.slice(start, index))
      if (member !== '') members.push(member)
      start = index + 1
    }
  }
  return members
}

/** Closes the gaps in place, so that removing costs one pass whatever it removes. */
function removeFrom(fields: string[], lowerName: string, from: number): void {
  let to = from
  for (let at = from; at < fields.length; at += 2) {
    if (equalsLower(fields[at]!, lowerName)) continue
    fields[to] = fields[at]!
    fields[to + 1] = fields[at + 1]!
    to += 2
  }
  fields.length = to
}
