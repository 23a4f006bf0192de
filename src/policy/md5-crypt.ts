/** MD5-based crypt: `$1$` as FreeBSD has it, and `$apr1$`, the form of Apache's htpasswd that differs in its name only. */
import { createHash } from 'node:crypto'
import { cryptBase64 } from './crypt-base64.ts'

const order = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]]

/** The hash of the password with magic and salt of `setting`, which may be a whole hash. */
export function md5Crypt(password: string, setting: string): string {
  const [, name = '', salt = ''] = setting.split('$')
  const magic = `$${name}$`
  const key = Buffer.from(password)
  const inner = md5(key, Buffer.from(salt), key)
  let digest = md5(key, Buffer.from(magic + salt), repeated(inner, key.length), lengthBits(key))
  for (let round = 0; round < 1_000; round++) {
    const parts = [round % 2 === 1 ? key : digest]
    if (round % 3 !== 0) parts.push(Buffer.from(salt))
    if (round % 7 !== 0) parts.push(key)
    parts.push(round % 2 === 1 ? digest : key)
    digest = md5(...parts)
  }
  return `${magic}${salt}$${cryptBase64(digest, order)}`
}

/** For each bit of the length, from the lowest: a zero byte where it is set, the first byte of the password where not. */
function lengthBits(key: Buffer): Buffer {
  const bytes: number[] = []
  for (let rest = key.length; rest > 0; rest >>= 1) bytes.push((rest & 1) === 1 ? 0 : key[0]!)
  return Buffer.from(bytes)
}

function repeated(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block)
}

function md5(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('md5')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
