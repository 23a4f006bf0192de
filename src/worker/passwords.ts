/**
 * Checks passwords for a worker. Hashes that are slow on purpose are looked up in a helper thread, a bounded number at a
 * time, and what came of it is remembered under a keyed digest: the same credentials are hashed once, not per request,
 * and neither passwords nor anything they could be guessed from stay in memory.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { ExpiringMap } from '#lib/expiring-map.ts'
import { hashKind, verifyPassword } from '#policy/password.ts'
import type { PasswordChecker } from '#policy/policy.ts'

export type PasswordQuestion = { readonly number: number; readonly password: string; readonly hash: string }
export type PasswordVerdict = { readonly number: number; readonly matches: boolean }

/** More wait than these: somebody is guessing, and the next ones are told to come back. */
const mostPending = 64
const rememberedMs = 10 * 60_000
const mostRemembered = 4_096

export class Passwords implements PasswordChecker {
  readonly #secret = randomBytes(32)
  /** Right and wrong ones apart, so that guessing does not push out those who got in. */
  readonly #right = new ExpiringMap<true>(mostRemembered)
  readonly #wrong = new ExpiringMap<true>(mostRemembered)
  /** By digest: who asks the same at once gets the same answer. */
  readonly #pending = new Map<string, Promise<boolean>>()
  readonly #answers = new Map<number, PromiseWithResolvers<boolean>>()
  #thread: Worker | undefined
  #number = 0

  check(password: string, hash: string): boolean | Promise<boolean | 'busy'> {
    const kind = hashKind(hash)
    if (kind === undefined) return false
    if (kind.speed === 'fast') return verifyPassword(password, hash)
    const digest = createHmac('sha256', this.#secret).update(`${hash}\0${password}`).digest('base64')
    const now = Date.now()
    if (this.#right.get(digest, now)) return true
    if (this.#wrong.get(digest, now)) return false
    const pending = this.#pending.get(digest)
    if (pending !== undefined) return pending
    if (this.#pending.size >= mostPending) return Promise.resolve('busy')
    const asked = this.#ask(password, hash)
      .then((matches) => {
        const remembered = matches ? this.#right : this.#wrong
        remembered.set(digest, true, Date.now() + rememberedMs)
        return matches
      })
      .finally(() => this.#pending.delete(digest))
    this.#pending.set(digest, asked)
    return asked
  }

  async close(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    await thread?.terminate()
  }

  #ask(password: string, hash: string): Promise<boolean> {
    const number = ++this.#number
    const answer = Promise.withResolvers<boolean>()
    this.#answers.set(number, answer)
    this.#thread ??= this.#start()
    const question: PasswordQuestion = { number, password, hash }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
    this.#thread.postMessage(question)
    return answer.promise
  }

  #start(): Worker {
    const thread = new Worker(new URL('./password-thread.ts', import.meta.url))
    thread.unref()
    thread.on('message', ({ number, matches }: PasswordVerdict) => {
      this.#answers.get(number)?.resolve(matches)
      this.#answers.delete(number)
    })
    // Whoever waits is refused with 500; the next question starts a new thread.
    thread.on('error', () => {})
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined
      for (const answer of this.#answers.values())
        answer.reject(new Error('the thread that checks passwords has ended'))
      this.#answers.clear()
    })
    return thread
  }
}
