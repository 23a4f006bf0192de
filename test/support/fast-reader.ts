/** Reads a client's bytes as the fast lane does, without sockets: what it would act on, and where it would stop. */
import { admitScanned } from '#http/request.ts'
import { BodyDecoder } from '#lane/wire/body.ts'
import { asksToClose } from '#lane/wire/keep-alive.ts'
import { noRequestBlock } from '#lane/wire/block.ts'
import { HeadParser } from '#lane/wire/parse.ts'
import { unfit } from '#lane/fast/unfit.ts'
import { RequestMemory } from '#proxy/request-memory.ts'
import { defaultLimits } from '#proxy/limits.ts'

export type Message = {
  readonly method: string
  readonly target: string
  /** Name, value, name, value. */
  readonly fields: readonly string[]
  /** One character per byte; what there is of it when it is not `complete`. */
  readonly body: string
  readonly complete: boolean
}

export type Reading = {
  readonly messages: readonly Message[]
  /** Why nothing more is read: wants more bytes, refuses, leaves the rest to the general lane, or was told it is the last. */
  readonly stop: 'more' | 'refused' | 'unfit' | 'closed'
}

/** Reads `pieces` one after the other. They are copied: chunked bodies are decoded in place. */
export function readFast(pieces: readonly Buffer[]): Reading {
  const reader = new FastReader()
  for (const piece of pieces) reader.push(Buffer.from(piece))
  return reader.end()
}

class FastReader {
  readonly #parser = new HeadParser({ bytes: defaultLimits.headerBytes, fields: defaultLimits.headerCount })
  readonly #body = new BodyDecoder(this.#parser, 'request')
  readonly #messages: Message[] = []
  #block = noRequestBlock
  #pending: Buffer = Buffer.alloc(0)
  #head: Omit<Message, 'body' | 'complete'> | undefined
  #data = ''
  #closes = false
  #stop: Reading['stop'] = 'more'

  push(piece: Buffer): void {
    if (this.#stop !== 'more') return
    this.#pending = Buffer.concat([this.#pending, piece])
    while (this.#stop === 'more' && (this.#head === undefined ? this.#readHead() : this.#readBody()));
  }

  end(): Reading {
    if (this.#head !== undefined) this.#messages.push({ ...this.#head, body: this.#data, complete: false })
    return { messages: this.#messages, stop: this.#stop }
  }

  /** Whether there may be more to read in what is pending. */
  #readHead(): boolean {
    if (this.#pending.length === 0) return false
    const outcome = this.#parser.request(this.#pending, 0, this.#pending.length, this.#block)
    if (outcome === 'more') return false
    if (outcome !== 'head') return this.#stopAt('refused')
    const { method, target, version, requestBlock: block, end } = this.#parser
    const head = { method, target, version, fields: block.fields }
    this.#block = block
    const admitted = admitScanned(head, block.scan, { ...defaultLimits, scheme: 'http' })
    if (unfit(head, block, { admitted, route: undefined, memory: new RequestMemory() }, 'http') !== undefined)
      return this.#stopAt('unfit')
    if ('cause' in admitted) return this.#stopAt('refused')
    this.#head = { method, target, fields: block.fields }
    this.#closes = asksToClose(block.fields)
    this.#data = ''
    this.#body.begin(admitted.framing)
    this.#pending = this.#pending.subarray(end)
    return this.#body.done ? this.#finish() : true
  }

  #readBody(): boolean {
    const bytes = this.#pending
    if (bytes.length === 0) return false
    this.#body.decode(bytes, 0, bytes.length)
    if (this.#body.broken !== undefined) return this.#stopAt('refused')
    if (this.#body.done && asksToClose(this.#body.trailers)) this.#closes = true
    this.#data += bytes.toString('latin1', 0, this.#body.length)
    this.#pending = this.#body.done ? bytes.subarray(this.#body.end) : Buffer.alloc(0)
    return this.#body.done ? this.#finish() : false
  }

  #finish(): boolean {
    this.#messages.push({ ...this.#head!, body: this.#data, complete: true })
    this.#head = undefined
    return this.#closes ? this.#stopAt('closed') : true
  }

  #stopAt(stop: Reading['stop']): boolean {
    this.#head = undefined
    this.#stop = stop
    return false
  }
}
