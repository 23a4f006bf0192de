/**
 * Sessions and the cookies that carry them. A cookie names no address: in place of its upstream and its endpoint stand
 * tags that only holders of the key can make, and all of it is signed, so that nobody can choose an endpoint or an
 * upstream by writing a cookie. Whoever has the same key reads it: every worker, every replica, the next start.
 *
 * `p` (persistent) or `b` (balanced), then a tag of the endpoint or a random text, a dot, a tag of the upstream, a dot,
 * and the signature of all before it; base64url throughout.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { cookieValues } from '#http/cookies.ts'

export type Session = {
  readonly mode: 'balanced' | 'persistent'
  /** Id of the `UpstreamSpec`. */
  readonly upstream: string
  /** `persistent`: the endpoint's tag. `balanced`: the text that is hashed. */
  readonly token: string
}

/** Bytes of a tag and of a signature; 96 bits are beyond guessing over a network. */
const macBytes = 12
export const affinityKeyBytes = 32

export class SessionSeal {
  readonly #key: Uint8Array
  readonly #upstreamTags = new Map<string, string>()

  /** `key`: 32 bytes that nobody else knows. */
  constructor(key: Uint8Array) {
    if (key.length !== affinityKeyBytes)
      throw new Error(`an affinity key has ${affinityKeyBytes} bytes, not ${key.length}`)
    this.#key = key
  }

  /**
   * The session of the first cookie of that name that was sealed with our key for one of these upstreams. Others are
   * passed over: those that somebody wrote or changed, and those of other routes that share the name.
   */
  open(fields: readonly string[], cookieName: string, upstreams: readonly string[]): Session | undefined {
    for (const value of cookieValues(fields, cookieName)) {
      const session = this.#unseal(value, upstreams)
      if (session !== undefined) return session
    }
    return undefined
  }

  /** The cookie's value. */
  seal({ mode, upstream, token }: Session): string {
    const text = `${mode === 'persistent' ? 'p' : 'b'}${token}.${this.#upstreamTag(upstream)}`
    return `${text}.${this.#mac('session', text).toString('base64url')}`
  }

  endpointTag(upstream: string, endpoint: string): string {
    return this.#mac('endpoint', `${upstream} ${endpoint}`).toString('base64url')
  }

  #unseal(value: string, upstreams: readonly string[]): Session | undefined {
    const match = sealed.exec(value)
    if (match === null) return undefined
    const [, text = '', mode, token = '', tag, signature = ''] = match
    const upstream = upstreams.find((each) => this.#upstreamTag(each) === tag)
    if (upstream === undefined || !timingSafeEqual(Buffer.from(signature, 'base64url'), this.#mac('session', text)))
      return undefined
    return { mode: mode === 'p' ? 'persistent' : 'balanced', upstream, token }
  }

  #upstreamTag(upstream: string): string {
    let tag = this.#upstreamTags.get(upstream)
    if (tag === undefined) {
      tag = this.#mac('upstream', upstream).toString('base64url')
      // Ids come from configuration; years of changes must not grow the process.
      if (this.#upstreamTags.size >= 10_000) this.#upstreamTags.clear()
      this.#upstreamTags.set(upstream, tag)
    }
    return tag
  }

  #mac(purpose: string, text: string): Buffer {
    return createHmac('sha256', this.#key).update(`${purpose}\0${text}`).digest().subarray(0, macBytes)
  }
}

const mac = '[A-Za-z0-9_-]{16}'
const sealed = new RegExp(`^(([pb])(${mac})\\.(${mac}))\\.(${mac})$`)

/** A random token for a new `balanced` session, of the form that `open` reads. */
export function newToken(random: () => number): string {
  const bytes = Buffer.alloc(macBytes)
  for (let at = 0; at < macBytes; at++) bytes[at] = Math.floor(random() * 256)
  return bytes.toString('base64url')
}
