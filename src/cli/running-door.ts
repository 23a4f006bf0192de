/** Asks the admin address of a front door that runs what it makes of a request. */
import { UserError } from './user-error.ts'

export type LiveQuestion = {
  /** `http://127.0.0.1:9901` */
  readonly admin: string
  readonly url: string
  readonly method: string
  readonly fields: readonly (readonly [name: string, value: string])[]
}

/** `text` is for people, `explanation` all that was answered. */
export type LiveAnswer = { readonly text: string; readonly explanation: Readonly<Record<string, unknown>> }

const timeoutMs = 10_000

/** Throws UserError when nobody answers there, or not what a front door would. */
export async function askRunningDoor({ admin, url, method, fields }: LiveQuestion): Promise<LiveAnswer> {
  const query = new URLSearchParams({ url, method })
  for (const [name, value] of fields) query.append('header', `${name}: ${value}`)
  const response = await reach(admin, `${admin}/api/v1/explain?${query.toString()}`)
  const answer = asRecord(await response.json().catch(() => undefined))
  if (!response.ok && typeof answer['error'] === 'string') throw new UserError(`${admin}: ${answer['error']}`)
  const { text, ...explanation } = answer
  if (!response.ok || typeof text !== 'string')
    throw new UserError(`${admin}: this is no admin address of Genkan (status ${response.status})`)
  return { text, explanation }
}

async function reach(admin: string, url: string): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'manual' })
  } catch (error) {
    // fetch says no more than that it failed; why stands behind it.
    const { cause } = error as Error
    const reason = cause instanceof Error && cause.message !== '' ? cause.message : String(error)
    throw new UserError(`${admin}: nobody answers there (${reason}); does genkan serve run, with this --admin?`)
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return value instanceof Object ? Object.fromEntries(Object.entries(value)) : {}
}
