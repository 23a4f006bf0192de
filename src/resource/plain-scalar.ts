/**
 * What an unquoted word means.
 */

/** `undefined` for the rarer ways to write a number: these are left to the YAML library. */
export function plainValue(word: string): string | number | boolean | null | undefined {
  const first = word.charCodeAt(0)
  if (first <= 0x39 && numeric.test(word)) return /^\d{1,15}$/.test(word) ? Number(word) : undefined
  if (word.length > 5) return word
  const value = constants.get(word)
  return value === undefined ? fromYaml11(word) : value
}

/** Kubernetes reads these unquoted words as booleans (YAML 1.1), so reading them as text would mean something else. */
export function fromYaml11(word: string): string | boolean {
  if (/^(?:yes|Yes|YES|on|On|ON)$/.test(word)) return true
  return /^(?:no|No|NO|off|Off|OFF)$/.test(word) ? false : word
}

/** YAML 1.2, section 10.3.2: null and boolean. */
const constants: ReadonlyMap<string, boolean | null> = new Map([
  ...['null', 'Null', 'NULL', '~'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
])

/** The same section: integers and floating point numbers. All begin with a digit, a sign or a dot. */
const numeric =
  /^(?:[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|0o[0-7]+|0x[\da-fA-F]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/
