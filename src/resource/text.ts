/**
 * The bytes of a file → the texts of its YAML documents.
 */

/** Largest file read, in bytes. A cluster refuses single objects beyond 1.5 MiB, and a file may hold several. */
export const maxFileBytes = 4 * 1024 * 1024

export type FileText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unusable'; readonly code: string; readonly message: string }

/** UTF-8 to text, without byte order mark. Anything else is said in a sentence rather than guessed at. */
export function decodeBytes(bytes: Uint8Array, limit: number = maxFileBytes): FileText {
  if (bytes.length > limit) return tooLarge(bytes.length, limit)
  const first = bytes[0]
  const second = bytes[1]
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { kind: 'unusable', code: 'binary-file', message: 'expected UTF-8 text, found UTF-16' }
  }
  try {
    return checkText(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), limit)
  } catch {
    return { kind: 'unusable', code: 'binary-file', message: 'expected UTF-8 text, found bytes that are no UTF-8' }
  }
}

/** The same checks for what is text already. */
export function checkText(text: string, limit: number = maxFileBytes): FileText {
  if (text.length > limit) return tooLarge(text.length, limit)
  if (text.includes('\0'))
    return {
      kind: 'unusable',
      code: 'binary-file',
      message: 'expected text, found a NUL byte: this is a binary or a damaged file',
    }
  return { kind: 'text', text: text.startsWith('\ufeff') ? text.slice(1) : text }
}

export function tooLarge(bytes: number, limit: number): FileText {
  return { kind: 'unusable', code: 'file-too-large', message: `expected at most ${limit} bytes, found ${bytes}` }
}

/** Part of a file that holds one YAML document, markers included. */
export type Chunk = { readonly start: number; readonly text: string }

/**
 * Cuts at lines that begin with `---` or `...`. YAML 1.2 section 9.1 allows such lines nowhere inside a document, not
 * even in quoted or block scalars, so a document with a syntax error can not swallow the ones behind it.
 */
export function splitDocuments(text: string): readonly Chunk[] {
  const chunks: Chunk[] = []
  let start = 0
  for (const { index, 1: marker } of text.matchAll(/^\ufeff?(---|\.\.\.)(?=[ \t\r\n]|$)/gm)) {
    const end = marker === '---' ? index : lineEnd(text, index)
    // Comments and directives (`%YAML 1.2`) in front of a marker belong to the document that it opens.
    if (end <= start || (marker === '---' && isPreamble(text.slice(start, end)))) continue
    chunks.push({ start, text: text.slice(start, end) })
    start = end
  }
  if (start < text.length) chunks.push({ start, text: text.slice(start) })
  return chunks
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end + 1
}

function isPreamble(text: string): boolean {
  return text.split('\n').every((line) => /^[ \t\r]*(?:[#%]|$)/.test(line))
}
