/** How HTTP/2 by prior knowledge announces itself (RFC 9113 section 3.4), as far as HTTP/1 has nothing like it. */
const preface = Buffer.from('PRI * HTTP/2')

/** Whether a connection that begins with these bytes speaks HTTP/2; `undefined` when there are too few to tell. */
export function speaksHttp2(bytes: Buffer): boolean | undefined {
  const length = Math.min(bytes.length, preface.length)
  if (preface.compare(bytes, 0, length, 0, length) !== 0) return false
  return length === preface.length ? true : undefined
}
