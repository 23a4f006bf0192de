/**
 * The contract of a policy: a configured behaviour attached to a route.
 *
 * To add one: a file here that calls `definePolicy`, a line in registry.ts, a mapping in compile/ingress-nginx, a row
 * in docs/annotations.md and a table test. Nothing in proxy/ or lane/ changes.
 */
import type { BodyCoding } from '#http/content-coding.ts'
import type { RequestHead, ResponseHead } from '#http/head.ts'
import type { ByteBudget } from '#lib/byte-budget.ts'
import type { Gate } from '#lib/gate.ts'
import type { RateCells } from '#lib/gcra.ts'

/** A response made by us. Fields are a flat list of name, value, name, value. */
export type Reply = {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string
  /** For replies that refuse: why, in one word, for the access log and the metric. */
  readonly cause?: RefusalCause
  /** For the operator's log only. */
  readonly detail?: string
}

/** Keys of proxy/failure.ts. */
export type RefusalCause =
  | 'bad_request'
  | 'rate_limited'
  | 'concurrency_limited'
  | 'access_denied'
  | 'unauthenticated'
  | 'auth_failed'
  | 'misdirected'
  | 'certificate_required'
  | 'certificate_invalid'
  | 'certificate_denied'

/** Who asks, as far as we believe it: forwarded fields count only from trusted proxies. */
export type Client = {
  /** IP literal of the client. */
  readonly address: string
  /** `https` when the client's own connection was encrypted. */
  readonly scheme: 'http' | 'https'
  /** Port of ours that the client addressed. */
  readonly port: number
}

/** The client's own connection, whatever a proxy in front of it says. */
export type ConnectionFacts = { readonly tls: HandshakeFacts | undefined }

export type HandshakeFacts = {
  /** Lower case, as asked for; `undefined` when the client named no server. */
  readonly serverName: string | undefined
  /** Absent where the client was not asked for a certificate. */
  readonly client?: ClientProof | undefined
}

/** What a client showed when it was asked for a certificate; that it holds the key is proven. */
export type ClientProof = {
  /** Id of the `ClientAuthSpec` it was verified against. */
  readonly auth: string
  /** `undefined` when it showed none. */
  readonly certificate: ClientCertificate | undefined
}

export type ClientCertificate = {
  /** As RFC 2253 writes names: the last part of the name first. */
  readonly subject: string
  readonly issuer: string
  readonly pem: string
  /** Authorities between it and the one we believe. */
  readonly intermediates: number
  /** OpenSSL's code for why it is not believed, `CERT_HAS_EXPIRED`; `undefined` when it is. */
  readonly error: string | undefined
}

/** What a filter sees of a request. `received` never changes; `sent` is the mutable copy that goes to the endpoint. */
export type FilterContext = {
  readonly client: Client
  readonly connection: ConnectionFacts
  readonly received: RequestHead
  /** Lower-case host without port, as routed. */
  readonly host: string
  /** Normalised path, as routed. */
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
  readonly sent: { method: string; target: string; fields: string[] }
  /**
   * Lets a request filter have the body, too, as it passes; only while `onRequest` runs. Whether there is one: a request
   * without a body tells nothing. Where this is absent there is none, either.
   */
  readonly watchBody?: (watcher: BodyWatcher) => boolean
}

/** Told of a request body once, however often it is sent. Nothing waits for a watcher, so it must not take long. */
export interface BodyWatcher {
  /** A piece, as the client sent it. The bytes are only there until this returns. */
  onBody(bytes: Buffer): void
  /** Once, and last. Not `complete`: the request is over, and its body was never received to its end. */
  onBodyEnd(complete: boolean): void
}

/** The running form of a policy. A returned `Reply` ends the request there; nothing returned lets it go on. */
export type Filter = {
  readonly onRequest?: (context: FilterContext) => Reply | undefined | Promise<Reply | undefined>
  /** May change `head.fields`. Runs for responses of endpoints and for our own replies, in reverse order. */
  readonly onResponse?: (context: FilterContext, head: ResponseHead) => void
  readonly encoder?: Encoder
  /**
   * The request is over, whatever became of it. Exactly once for every filter whose `onRequest` was called, even while
   * the promise it gave is still pending.
   */
  readonly onFinish?: (context: FilterContext) => void
}

/** Gives bodies of endpoints another coding. A route has at most one. */
export interface Encoder {
  /** Whether a request with this head may get an encoded answer. */
  mayEncode(received: RequestHead): boolean
  /**
   * How the body behind this head is to be encoded; changes the head's fields to say so. Runs behind all `onResponse`,
   * for final heads of endpoints alone.
   */
  encode(received: RequestHead, head: ResponseHead): BodyCoding | undefined
}

/** What a filter may need from the world; everything else it gets from its config. */
export type FilterEnv = {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly random: () => number
  readonly httpsPort: number
  /** Counts of rate limits, shared by all workers. */
  readonly rates: RateCells
  /** Counts of what is under way, and those who wait. */
  readonly gate: Gate
  readonly passwords: PasswordChecker
  readonly ask: Ask
  /** Memory for copies of request bodies. */
  readonly copies: ByteBudget
  /** Answers of authentication services; they outlive the snapshot. Keys begin with what tells one use from another. */
  readonly answers: AnswerCache
  /** Something for the log that may happen with every request: said now and then, with how often it happened. */
  readonly note: (message: string, id: string) => void
}

/** Compares passwords with their hashes, slow ones elsewhere. */
export interface PasswordChecker {
  /** `hash` as htpasswd writes it. `busy`: too many are being checked already. */
  check(password: string, hash: string): boolean | Promise<boolean | 'busy'>
}

/** A request that a policy makes itself. */
export type Question = {
  /** An upstream's endpoints, or whoever has the name in the URL. */
  readonly to:
    | { readonly kind: 'upstream'; readonly id: string; readonly scheme: 'http' | 'https' }
    | { readonly kind: 'origin'; readonly origin: string }
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** A flat list, Host included. */
  readonly fields: readonly string[]
  /** Its length is written for it. */
  readonly body?: Buffer
  readonly connectMs: number
  readonly readMs: number
  /** Nobody minds when there is no answer, so nobody is told. */
  readonly optional?: true
}

/** Only the head: nobody needs the body. `undefined` when there was none in time. */
export type Answer = { readonly status: number; readonly fields: readonly string[] }
export type Ask = (question: Question) => Promise<Answer | undefined>

export interface AnswerCache {
  get(key: string, now: number): Answer | undefined
  set(key: string, answer: Answer, expiresAt: number): void
}

export type Policy = { readonly kind: string; readonly create: (config: unknown, env: FilterEnv) => Filter }

/**
 * `Config` is plain data that compile has already decoded: no validation happens here. Members called `secret` are never
 * shown to anybody (snapshot/print.ts).
 */
export function definePolicy<Config>(policy: {
  readonly kind: string
  readonly create: (config: Config, env: FilterEnv) => Filter
}): Policy & { readonly spec: (config: Config) => { readonly kind: string; readonly config: Config } } {
  const { kind } = policy
  return {
    kind,
    // Only `spec` of this same policy makes configs of this kind, so the cast cannot lie.
    create: (config, env) => policy.create(config as Config, env),
    spec: (config) => ({ kind, config }),
  }
}
