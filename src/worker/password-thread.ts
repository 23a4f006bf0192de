/**
 * The entry of a helper thread that looks passwords up against slow hashes, one after the other, so that the thread that
 * serves requests never stands still for one.
 */
import { parentPort } from 'node:worker_threads'
import { verifyPassword } from '#policy/password.ts'
import type { PasswordQuestion, PasswordVerdict } from './passwords.ts'

// Only passwords.ts starts this file, and it sends exactly this.
const port = parentPort!

port.on('message', ({ number, password, hash }: PasswordQuestion) => {
  const verdict: PasswordVerdict = { number, matches: verifyPassword(password, hash) }
  port.postMessage(verdict)
})
