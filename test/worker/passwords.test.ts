import { afterEach, expect, test } from 'vitest'
import { Passwords } from '#worker/passwords.ts'

/** bcrypt of the lowest cost, of `secret`. */
const quick = '$2b$04$tzvs2GTG7CF/56ac9iOf2.AupgcHH5WzkjJH98FHFeNUQVqcWzsb6'
let passwords: Passwords
afterEach(() => passwords.close())

test('slow hashes are looked up elsewhere, once for the same credentials', async () => {
  passwords = new Passwords()
  const first = passwords.check('secret', quick)
  const second = passwords.check('secret', quick)
  expect(first).toBeInstanceOf(Promise)
  expect(second).toBe(first)
  expect(await first).toBe(true)
  expect(passwords.check('secret', quick)).toBe(true)
  expect(await passwords.check('wrong', quick)).toBe(false)
  expect(passwords.check('wrong', quick)).toBe(false)
})

test('fast hashes are looked up at once, and those of no kind never', () => {
  passwords = new Passwords()
  expect(passwords.check('secret', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=')).toBe(true)
  expect(passwords.check('secret', 'secret')).toBe(false)
})

test('too many at once are told that it is busy, and those before get their answer', async () => {
  passwords = new Passwords()
  const asked = Array.from({ length: 70 }, async (_, guess) => passwords.check(`guess ${guess}`, quick))
  const answers = await Promise.all(asked)
  expect(answers.filter((answer) => answer === 'busy')).toHaveLength(6)
  expect(answers.filter((answer) => answer === false)).toHaveLength(64)
  expect(await passwords.check('secret', quick)).toBe(true)
})
