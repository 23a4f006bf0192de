/** SHA-crypt (Drepper): `$5$` with SHA-256 and `$6$` with SHA-512. */
import { createHash } from 'node:crypto'
import { cryptBase64 } from './crypt-base64.ts'

const defaultRounds = 5_000
const fewestRounds = 1_000

type Form = { readonly algorithm: string; readonly bytes: number; readonly order: readonly (readonly number[])[] }

const forms: Readonly<Record<string, Form>> = {
  5: { algorithm: 'sha256', bytes: 32, order: [...rotated(10, [0, 10, 20], 21), [31, 30]] },
  6: { algorithm: 'sha512', bytes: 64, order: [...rotated(21, [0, 21, 42], 22), [63]] },
}

/** The hash of the password with name, rounds and salt of `setting`, which may be a whole hash of known shape. */
export function shaCrypt(password: string, setting: string): string {
  const [, name = '', ...rest] = setting.split('$')
  const form = forms[name]!
  const written = /^rounds=(\d+)$/.exec(rest[0] ?? '')?.[1]
  const rounds = Math.max(fewestRounds, Number(written ?? defaultRounds))
  const salt = Buffer.from((written === undefined ? rest[0] : rest[1]) ?? '')
  const digest = stretch(Buffer.from(password), salt, { ...form, rounds })
  const prefix = written === undefined ? '' : `rounds=${rounds}$`
  return `$${name}$${prefix}${salt.toString()}$${cryptBase64(digest, form.order)}`
}

function stretch(key: Buffer, salt: Buffer, { algorithm, rounds }: Form & { readonly rounds: number }): Buffer {
  const sha = (...parts: readonly Buffer[]): Buffer =>
    parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest()
  const inner = sha(key, salt, key)
  const bits: Buffer[] = []
  for (let rest = key.length; rest > 0; rest >>= 1) bits.push((rest & 1) === 1 ? inner : key)
  let digest = sha(key, salt, filled(inner, key.length), ...bits)
  const p = filled(sha(...repeat(key, key.length)), key.length)
  const s = filled(sha(...repeat(salt, 16 + digest[0]!)), salt.length)
  for (let round = 0; round < rounds; round++) {
    const parts = [round % 2 === 1 ? p : digest]
    if (round % 3 !== 0) parts.push(s)
    if (round % 7 !== 0) parts.push(p)
    parts.push(round % 2 === 1 ? digest : p)
    digest = sha(...parts)
  }
  return digest
}

function repeat(part: Buffer, times: number): Buffer[] {
  return Array.from({ length: times }, () => part)
}

function filled(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block)
}

/**
 * Groups of three places, each next one counted up by one in every place and turned, as the two forms have it: `turn` is
 * what the first place of a group adds to its predecessor's.
 */
function rotated(
  count: number,
  first: readonly [number, number, number],
  turn: number,
): readonly (readonly number[])[] {
  const groups: (readonly number[])[] = []
  let [a, b, c] = first
  const size = count === 10 ? 30 : 63
  for (let group = 0; group < count; group++) {
    groups.push([a, b, c])
    ;[a, b, c] = [(a + turn) % size, (b + turn) % size, (c + turn) % size]
  }
  return groups
}
