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
/** Cookies whose signature is known; those longest known are forgotten first. Some megabytes. */
const mostKnown = 16_384
export const affinityKeyBytes = 32

export class SessionSeal {
  readonly #key: Uint8Array
  readonly #upstreamTags = new Map<string, string>()
  /** By value. Only a good signature leads here, so that nobody can write into it what they please. */
  readonly #known = new Map<string, Session>()
  /** Of `persistent` sessions, by what is signed. */
  readonly #persistent = new Map<string, string>()

  /** `key`: 32 bytes that nobody else knows. */
  constructor(key: Uint8Array) {
    if (key.length !== affinityKeyBytes)
      throw new Error(`an affinity key has ${affinityKeyBytes} bytes, not ${key.length}`)
    this.#key = key
  }

  /**
   * The session of the first cookie of that name that was sealed with our key for this upstream or the other. Others are
   * passed over: those that somebody wrote or changed, and those of other routes that share the name.
   */
  open(fields: readonly string[], cookieName: string, upstream: string, other = upstream): Session | undefined {
    for (const value of cookieValues(fields, cookieName)) {
      const session = this.#known.get(value) ?? this.#unseal(value, upstream, other)
      if (session !== undefined && (session.upstream === upstream || session.upstream === other)) return session
    }
    return undefined
  }

  /** The cookie's value. */
  seal({ mode, upstream, token }: Session): string {
    const text = `${mode === 'persistent' ? 'p' : 'b'}${token}.${this.#upstreamTag(upstream)}`
    return mode === 'persistent' ? this.#sealedAgain(text) : this.#sealedAnew(text)
  }

  endpointTag(upstream: string, endpoint: string): string {
    return this.#mac('endpoint', `${upstream} ${endpoint}`).toString('base64url')
  }

  #unseal(received: string, ...upstreams: readonly string[]): Session | undefined {
    if (received.length !== sealedLength) return undefined
    // What is kept must not hold on to the head that it was a part of.
    const value = Buffer.from(received, 'latin1').toString('latin1')
    const match = sealed.exec(value)
    if (match === null) return undefined
    const [, text = '', mode, token = '', tag, signature = ''] = match
    const upstream = upstreams.find((each) => this.#upstreamTag(each) === tag)
    if (upstream === undefined || !timingSafeEqual(Buffer.from(signature, 'base64url'), this.#mac('session', text)))
      return undefined
    const session: Session = { mode: mode === 'p' ? 'persistent' : 'balanced', upstream, token }
    remember(this.#known, value, session)
    return session
  }

  #sealedAnew(text: string): string {
    return `${text}.${this.#mac('session', text).toString('base64url')}`
  }

  /** All new sessions that an endpoint gets are the same. */
  #sealedAgain(text: string): string {
    let value = this.#persistent.get(text)
    if (value === undefined) {
      value = this.#sealedAnew(text)
      remember(this.#persistent, text, value)
    }
    return value
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

function remember<Value>(known: Map<string, Value>, key: string, value: Value): void {
  if (known.size >= mostKnown) {
    // A map walks in the order of insertion.
    for (const oldest of known.keys()) {
      known.delete(oldest)
      break
    }
  }
  known.set(key, value)
}

const sealedLength = 1 + 16 + 1 + 16 + 1 + 16
const mac = '[A-Za-z0-9_-]{16}'
const sealed = new RegExp(`^(([pb])(${mac})\\.(${mac}))\\.(${mac})$`)

/** A random token for a new `balanced` session, of the form that `open` reads. */
export function newToken(random: () => number): string {
  let token = ''
  for (let at = 0; at < 16; at++) token += alphabet[Math.floor(random() * 64)]!
  return token
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
