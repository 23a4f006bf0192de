import { expect, test } from 'vitest'
import { hashKind, verifyPassword } from '#policy/password.ts'
import { run } from './part.ts'

/** What htpasswd can write, and whether we let such users in. */
const forms: readonly (readonly [flags: readonly string[], kind: string | undefined])[] = [
  [['-B'], 'bcrypt'],
  [['-B', '-C', '8'], 'bcrypt'],
  [['-m'], 'MD5 (apr1)'],
  [['-s'], 'SHA-1'],
  [['-2'], 'SHA-256 (crypt)'],
  [['-5'], 'SHA-512 (crypt)'],
  [['-d'], undefined],
  [['-p'], undefined],
]

test.each(forms)('htpasswd %o writes what is read as %s', async (flags, kind) => {
  for (const password of ['secret', 'Grüße aus dem Genkan', '12345678']) {
    const line = (await run('htpasswd', '-n', '-b', ...flags, 'ann', password)).trim()
    const hash = line.slice(line.indexOf(':') + 1)
    expect(hashKind(hash)?.name).toBe(kind)
    expect(verifyPassword(password, hash)).toBe(kind !== undefined)
    expect(verifyPassword(`${password} `, hash)).toBe(false)
  }
})
