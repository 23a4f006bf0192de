/**
 * Paths that are regular expressions, for as long as we cannot match them: what part of the path space they could mean,
 * so that nobody else serves it by accident.
 */

/** A dot is too common in plain paths to count by itself. */
export function hasPattern(path: string): boolean {
  return /[\^$[\]{}()*+?|\\]/.test(path)
}

/**
 * A Prefix, in elements, that stands for the expression. `superset` holds every path the expression could match, so
 * it may be shorter than one would like; `likely` holds those that its author had in mind.
 */
export function literalPart(pattern: string, breadth: 'superset' | 'likely'): string {
  const text = pattern.startsWith('^') ? pattern.slice(1) : pattern
  if (hasAlternatives(text)) return '/'
  const end = text.search(/[\^$[\]{}()*+?|\\]|\.(?=[*+?{])/)
  if (end === -1) return plain(text)
  const rest = text.slice(end)
  let literal = text.slice(0, end)
  // A quantifier belongs to the character before it.
  if (/^[*+?{]/.test(rest)) literal = literal.slice(0, -1)
  // `(/|$)` and a final `$` end an element, anything else may go on within it.
  const ends = /^(?:\(\/\|\$\)|\(\$\|\/\)|\$$)/.test(rest)
  if (!ends && breadth === 'superset') literal = literal.slice(0, literal.lastIndexOf('/'))
  else if (!ends && !/^[(?*+]/.test(rest)) literal = literal.slice(0, literal.lastIndexOf('/'))
  return plain(literal)
}

/** `/a|/b`: an alternative outside of every group. */
function hasAlternatives(text: string): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i]
    if (char === '\\') i += 1
    else if (char === '(' || char === '[') depth += 1
    else if (char === ')' || char === ']') depth -= 1
    else if (char === '|' && depth === 0) return true
  }
  return false
}

function plain(literal: string): string {
  // Unescaped dots match any character; the elements that hold one are no literals when read strictly, yet nobody
  // means it. Doubled and trailing slashes mean nothing in a Prefix.
  const path = `/${literal
    .split('/')
    .filter((part) => part !== '')
    .join('/')}`
  return path
}
