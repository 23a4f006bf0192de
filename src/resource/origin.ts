/**
 * Where a resource was written, so that every problem can name a file, a line and a column.
 */

/** Keys and indexes from the document's root to a value: `['spec', 'rules', 0, 'host']`. */
export type FieldPath = readonly (string | number)[]

/** 1-based, as editors count. */
export type Place = { readonly file: string; readonly line: number; readonly column: number }

export interface Origin {
  /** As given on the command line joined with the path below that folder; `(memory)` for objects that no file holds. */
  readonly file: string
  /**
   * The place of a field's value, else of its nearest written ancestor. `key` asks for the place of the key itself,
   * which is what an annotation with a wrong name wants.
   */
  locate(path: FieldPath, part?: 'key' | 'value'): Place
}

/** `spec.rules[0].http.paths[1].pathType`; keys that are no plain words are quoted: `metadata.annotations["a/b"]`. */
export function printPath(path: FieldPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}
