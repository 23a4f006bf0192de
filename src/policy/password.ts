/**
 * Password hashes as htpasswd and crypt(3) write them. Plain text and hashes that are broken beyond use (traditional
 * crypt, which looks at eight characters only) are not among them.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { compareSync } from 'bcryptjs'
import { md5Crypt } from './md5-crypt.ts'
import { shaCrypt } from './sha-crypt.ts'

/** `fast`: as quick as the request around it. `slow`: made to take long, so not for the thread that serves. */
export type HashKind = { readonly name: string; readonly speed: 'fast' | 'slow' }

type Scheme = HashKind & { readonly shape: RegExp; readonly verify: (password: string, hash: string) => boolean }

/** bcrypt looks at no more; a longer password would have twins. */
const longestBcrypt = 72
/** Hashing longer ones is work that only an attacker asks for. */
const longestPassword = 4_096

const schemes: readonly Scheme[] = [
  // Cost 4 to 14: above that one look takes seconds.
  { name: 'bcrypt', speed: 'slow', shape: /^\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/, verify: isBcrypt },
  {
    name: 'MD5 (apr1)',
    speed: 'slow',
    shape: /^\$apr1\$[^$]{1,8}\$[./A-Za-z0-9]{22}$/,
    verify: (password, hash) => isSame(md5Crypt(password, hash), hash),
  },
  {
    name: 'MD5 (crypt)',
    speed: 'slow',
    shape: /^\$1\$[^$]{1,8}\$[./A-Za-z0-9]{22}$/,
    verify: (password, hash) => isSame(md5Crypt(password, hash), hash),
  },
  {
    name: 'SHA-256 (crypt)',
    speed: 'slow',
    shape: /^\$5\$(?:rounds=\d{4,6}\$)?[^$]{1,16}\$[./A-Za-z0-9]{43}$/,
    verify: (password, hash) => isSame(shaCrypt(password, hash), hash),
  },
  {
    name: 'SHA-512 (crypt)',
    speed: 'slow',
    shape: /^\$6\$(?:rounds=\d{4,6}\$)?[^$]{1,16}\$[./A-Za-z0-9]{86}$/,
    verify: (password, hash) => isSame(shaCrypt(password, hash), hash),
  },
  { name: 'SHA-1', speed: 'fast', shape: /^\{SHA\}[A-Za-z0-9+/]{27}=$/, verify: isSha },
  { name: 'salted SHA-1', speed: 'fast', shape: /^\{SSHA\}[A-Za-z0-9+/]{28,}={0,2}$/, verify: isSaltedSha },
]

/** `undefined` for a hash that can never let anybody in. */
export function hashKind(hash: string): HashKind | undefined {
  return schemes.find(({ shape }) => shape.test(hash))
}

/** Compares in constant time. False for a hash of no known kind. */
export function verifyPassword(password: string, hash: string): boolean {
  const scheme = schemes.find(({ shape }) => shape.test(hash))
  return scheme !== undefined && password.length <= longestPassword && scheme.verify(password, hash)
}

function isBcrypt(password: string, hash: string): boolean {
  return Buffer.byteLength(password) <= longestBcrypt && compareSync(password, hash)
}

function isSha(password: string, hash: string): boolean {
  return isSame(`{SHA}${createHash('sha1').update(password).digest('base64')}`, hash)
}

/** RFC 2307's scheme: the digest of password and salt, then the salt. */
function isSaltedSha(password: string, hash: string): boolean {
  const bytes = Buffer.from(hash.slice('{SSHA}'.length), 'base64')
  const digest = createHash('sha1').update(password).update(bytes.subarray(20)).digest()
  return bytes.length > 20 && timingSafeEqual(digest, bytes.subarray(0, 20))
}

function isSame(made: string, wanted: string): boolean {
  const a = Buffer.from(made)
  const b = Buffer.from(wanted)
  return a.length === b.length && timingSafeEqual(a, b)
}
