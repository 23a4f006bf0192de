import { describe, expect, test } from 'vitest'
import { hashKind, verifyPassword } from '#policy/password.ts'

/** Made by others: htpasswd, openssl passwd, and the examples of the schemes' own papers. */
const hashes: readonly (readonly [kind: string, password: string, hash: string])[] = [
  ['bcrypt', 'U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['MD5 (apr1)', 'myPassword', '$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/'],
  ['MD5 (crypt)', 'hello', '$1$abcdefgh$rwnEbRiN0agqVgZBovWNQ/'],
  ['SHA-256 (crypt)', 'Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['SHA-256 (crypt)', 'Hello world!', '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
  [
    'SHA-512 (crypt)',
    'Hello world!',
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  ],
  ['SHA-1', 'myPassword', '{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE='],
  ['salted SHA-1', 'testing123', '{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr'],
]

describe('a hash', () => {
  test.each(hashes)('of kind %s fits its password and no other', (kind, password, hash) => {
    expect(hashKind(hash)?.name).toBe(kind)
    expect(verifyPassword(password, hash)).toBe(true)
    expect(verifyPassword(`${password}x`, hash)).toBe(false)
    expect(verifyPassword('', hash)).toBe(false)
    expect(verifyPassword(hash, hash)).toBe(false)
  })

  const unusable: readonly (readonly [why: string, hash: string])[] = [
    ['plain text', 'secret'],
    ['plain text, marked', '{PLAIN}secret'],
    ['traditional crypt', 'rl.3StKT.4T8M'],
    ['nothing', ''],
    ['a bcrypt of a cost that takes seconds', '$2a$20$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['SHA-crypt of a million rounds', `$6$rounds=9999999$salt$${'a'.repeat(86)}`],
    ['a salted SHA-1 without salt', '{SSHA}VBPuJHI7uixaa6LQGWx4s+5GKNE='],
  ]
  test.each(unusable)('that is %s lets nobody in', (_, hash) => {
    expect(verifyPassword('secret', hash)).toBe(false)
    expect(verifyPassword(hash, hash)).toBe(false)
  })

  test('of bcrypt does not let in the twin of a long password', () => {
    const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    expect(verifyPassword('U'.repeat(73), hash)).toBe(false)
  })
})
