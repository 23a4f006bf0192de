/** Random identifiers as text. */
import { randomBytes } from 'node:crypto'

/** So many hexadecimal digits each, an even number; the random bytes are drawn and written out many at a time. */
export function hexIds(digits: number): () => string {
  let pool = ''
  let at = 0
  return () => {
    if (at === pool.length) {
      pool = randomBytes(digits * 128).toString('hex')
      at = 0
    }
    at += digits
    return pool.slice(at - digits, at)
  }
}
