/**
 * Makes the requests that policies ask for: to the endpoints of an upstream, or to a name outside. Connections are kept,
 * answers' bodies are thrown away, redirects are not followed, and certificates are verified.
 */
import { Agent } from 'undici'
import type { Answer, Question } from '#policy/policy.ts'
import type { Log } from '#telemetry/log.ts'
import type { UpstreamRegistry } from '#upstream/registry.ts'

/** More of a body than this and its connection is closed rather than read to its end. */
const dumpedBytes = 64 * 1024
const connectionsPerOrigin = 64
const idleMs = 30_000

export class Asker {
  readonly #upstreams: UpstreamRegistry
  readonly #log: Log
  /** By time to connect, which undici wants to know beforehand. */
  readonly #agents = new Map<number, Agent>()
  #turn = 0

  constructor(upstreams: UpstreamRegistry, log: Log) {
    this.#upstreams = upstreams
    this.#log = log
  }

  /** Never rejects: what cannot be asked has no answer. */
  async ask(question: Question): Promise<Answer | undefined> {
    const origin = this.#originOf(question)
    if (origin === undefined) return undefined
    try {
      const { statusCode, headers, body } = await this.#agentOf(question.connectMs).request({
        origin,
        path: question.target,
        method: question.method,
        headers: [...question.fields],
        body: question.body ?? null,
        headersTimeout: question.readMs,
        bodyTimeout: question.readMs,
        responseHeaders: 'raw',
      })
      body.dump({ limit: dumpedBytes }).catch(() => {})
      // undici's types do not know that raw heads are flat lists of names and values.
      return { status: statusCode, fields: textsOf(headers as unknown as readonly (string | Buffer)[]) }
    } catch (error) {
      this.#log[question.optional === true ? 'debug' : 'warn']('a policy got no answer', {
        origin,
        error: error instanceof Error ? error.message : String(error),
      })
      return undefined
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()))
  }

  #originOf({ to }: Question): string | undefined {
    if (to.kind === 'origin') return to.origin
    const ready = [...this.#upstreams.of(to.id).endpoints()].filter(({ spec }) => spec.ready && !spec.terminating)
    const endpoint = ready[this.#turn++ % ready.length]
    if (endpoint === undefined)
      this.#log.warn('a policy got no answer', { upstream: to.id, error: 'no endpoint is ready' })
    return endpoint && `${to.scheme}://${endpoint.id}`
  }

  #agentOf(connectMs: number): Agent {
    let agent = this.#agents.get(connectMs)
    if (agent === undefined) {
      agent = new Agent({
        connect: { timeout: connectMs },
        connections: connectionsPerOrigin,
        keepAliveTimeout: idleMs,
        pipelining: 1,
        maxHeaderSize: 16_384,
      })
      this.#agents.set(connectMs, agent)
    }
    return agent
  }
}

function textsOf(raw: readonly (string | Buffer)[]): string[] {
  return raw.map((each) => (typeof each === 'string' ? each : each.toString('latin1')))
}
