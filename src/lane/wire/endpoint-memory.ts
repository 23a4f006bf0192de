/**
 * What is known of an endpoint's responses from the last one, shared by all wires to it: many answers differ by nothing
 * in their head, and what a head means is then not worked out again.
 */
import type { BodyFraming } from '#http/framing.ts'
import { admitScannedResponse } from '#http/response.ts'
import { ResponseMemory } from '#proxy/response-memory.ts'
import { noResponseBlock, type ResponseBlock } from './block.ts'
import { persistence } from './keep-alive.ts'
import type { HeadParser } from './parse.ts'
import { ResponseWriter } from './serialize.ts'

/** What a head says about the bytes behind it. */
export type Verdict = {
  /** `undefined` when the head is no good. */
  readonly framing: BodyFraming | undefined
  /** Milliseconds the connection may idle afterwards; 0 for not at all. */
  readonly idleMs: number
}

/** What a verdict depends on, beside the block. */
type Grounds = {
  readonly version: HeadParser['version']
  readonly status: number
  readonly method: string
  readonly longestIdleMs: number
}

export class EndpointMemory {
  readonly judged = new ResponseMemory()
  readonly writer = new ResponseWriter()
  #block: ResponseBlock = noResponseBlock
  #grounds: Grounds | undefined
  #verdict: Verdict = { framing: undefined, idleMs: 0 }

  /** The fields of the last response. */
  get block(): ResponseBlock {
    return this.#block
  }

  /** Judges the head that the parser has just read, an answer to a request of this method. */
  judge({ version, status, responseBlock: block }: HeadParser, method: string, longestIdleMs: number): Verdict {
    const known = block === this.#block ? this.#grounds : undefined
    const isKnown =
      known?.status === status &&
      known.method === method &&
      known.version === version &&
      known.longestIdleMs === longestIdleMs
    if (isKnown) return this.#verdict
    const admitted = admitScannedResponse(status, block.scan, { method })
    this.#block = block
    this.#grounds = { version, status, method, longestIdleMs }
    this.#verdict = {
      framing: 'framing' in admitted ? admitted.framing : undefined,
      idleMs: persistence(version, block.fields, longestIdleMs),
    }
    return this.#verdict
  }
}
