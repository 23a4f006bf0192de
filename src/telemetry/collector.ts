/**
 * Sends batches of spans to an OpenTelemetry collector by OTLP/HTTP with JSON bodies, and tries again where OTLP says
 * so. Says once that a collector does not take them, and once that it does again.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Log } from './log.ts'
import { exportBody, type Span } from './otlp.ts'

export type CollectorInit = {
  /** Whole URL, path included. */
  readonly endpoint: string
  /** Flat list, for credentials. */
  readonly fields: readonly string[]
  /** Of one try. */
  readonly timeoutMs: number
  /** Who sends: `service.name` and the like. */
  readonly resource: Readonly<Record<string, string>>
  readonly log: Log
}

/** Tries of one batch; the pause before each doubles. */
const tries = 4
const firstPauseMs = 500
/** More than a collector may ask us to wait. */
const longestPauseMs = 30_000
/** What a collector has to say fits; more is not read. */
const longestAnswer = 64 * 1024
/** OTLP/HTTP, "Retryable Response Codes". */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504])

type Outcome =
  | { readonly kind: 'taken'; readonly refused: number; readonly says: string }
  | { readonly kind: 'refused'; readonly says: string }
  | { readonly kind: 'later'; readonly says: string; readonly afterMs: number | undefined }

export class Collector {
  readonly #init: CollectorInit
  readonly #agent: Agent
  #fails = false

  constructor(init: CollectorInit) {
    this.#init = init
    this.#agent = new Agent({ connections: 1, connect: { timeout: init.timeoutMs } })
  }

  /** Resolves with how many it has not taken, once it has answered or was asked often enough. Never rejects. */
  async send(spans: readonly Span[], signal: AbortSignal): Promise<{ readonly refused: number }> {
    const body = exportBody(this.#init.resource, spans)
    let outcome = await this.#try(body)
    for (let attempt = 1; attempt < tries && outcome.kind === 'later' && !signal.aborted; attempt++) {
      const ms = outcome.afterMs ?? firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random())
      await pause(Math.min(ms, longestPauseMs), undefined, { signal, ref: false }).catch(() => {})
      outcome = await this.#try(body)
    }
    const refused = outcome.kind === 'taken' ? Math.min(outcome.refused, spans.length) : spans.length
    this.#tell(refused > 0, outcome.says)
    return { refused }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #try(body: string): Promise<Outcome> {
    const { endpoint, fields, timeoutMs } = this.#init
    try {
      const answer = await request(endpoint, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: ['content-type', 'application/json', ...fields],
        body,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      })
      const { statusCode: status, headers } = answer
      if (status < 200 || status > 299) await answer.body.dump({ limit: longestAnswer }).catch(() => {})
      if (status >= 200 && status <= 299) return takenOf(await readSome(answer.body))
      if (!retryable.has(status)) return { kind: 'refused', says: `status ${status}` }
      const seconds = Number(headers['retry-after'])
      return { kind: 'later', says: `status ${status}`, afterMs: seconds > 0 ? seconds * 1000 : undefined }
    } catch (error) {
      return { kind: 'later', says: error instanceof Error ? error.message : String(error), afterMs: undefined }
    }
  }

  #tell(fails: boolean, says: string): void {
    if (fails === this.#fails) return
    this.#fails = fails
    const { endpoint, log } = this.#init
    if (fails) log.warn('the collector does not take spans; they are dropped', { endpoint, says })
    else log.info('the collector takes spans again', { endpoint })
  }
}

async function readSome(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of body) {
    length += piece.length
    if (length > longestAnswer) break
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** "Partial Success": it took the request and left out some of it. What is no such answer took everything. */
function takenOf(text: string): Outcome {
  const partial = partialSuccess(text)
  const refused = Number(partial['rejectedSpans'])
  const says = partial['errorMessage']
  return { kind: 'taken', refused: refused > 0 ? refused : 0, says: typeof says === 'string' ? says : '' }
}

function partialSuccess(text: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(text)
    const partial = answer instanceof Object && 'partialSuccess' in answer ? answer.partialSuccess : undefined
    return partial instanceof Object ? Object.fromEntries(Object.entries(partial)) : {}
  } catch {
    return {}
  }
}
