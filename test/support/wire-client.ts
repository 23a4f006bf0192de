/** A client that writes given bytes in a given rhythm and watches what comes back. */
import { type Socket, connect } from 'node:net'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'

/** In one write, split behind every CR and LF, or byte by byte. */
export type Delivery = 'whole' | 'lines' | 'bytes'

export type Conversation = {
  /** Everything received, one character per byte. */
  received: string
  closed: boolean
  /** `performance.now()` of the last thing that happened on either side of the front door. */
  lastAt: number
}

/** Beyond these lengths finer deliveries only cost time: the interesting cuts are in the first bytes. */
const longestByBytes = 3_000
const longestByLines = 20_000

export type ConverseOptions = {
  readonly delivery: Delivery
  /** Send FIN behind the bytes. */
  readonly halfClose?: boolean
  /** Is given the conversation before anything happens. */
  readonly onStart?: (conversation: Conversation) => void
}

/** Connects, sends, and resolves when `settled` says so. The connection is destroyed afterwards. */
export async function converse(
  port: number,
  bytes: Buffer,
  options: ConverseOptions,
  settled: (conversation: Conversation) => boolean,
): Promise<Conversation> {
  const conversation: Conversation = { received: '', closed: false, lastAt: performance.now() }
  options.onStart?.(conversation)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  watch(socket, conversation)
  try {
    await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()))
    await deliver(socket, bytes, options.delivery, () => conversation.closed)
    if (options.halfClose) socket.end()
    conversation.lastAt = performance.now()
    while (!settled(conversation)) await pause(5)
    return conversation
  } finally {
    socket.destroy()
  }
}

function watch(socket: Socket, conversation: Conversation): void {
  const happened = (): void => {
    conversation.lastAt = performance.now()
  }
  socket.on('error', () => {})
  socket.on('data', (data) => {
    happened()
    conversation.received += data.toString('latin1')
  })
  const close = (): void => {
    happened()
    conversation.closed = true
  }
  socket.on('end', close)
  socket.on('close', close)
}

/** Writes in that rhythm, until `stopped`. */
export async function deliver(
  socket: Socket,
  bytes: Buffer,
  delivery: Delivery,
  stopped: () => boolean = () => socket.destroyed,
): Promise<void> {
  if (delivery === 'bytes' && bytes.length < longestByBytes) {
    for (const byte of bytes) {
      if (stopped()) return
      socket.write(Buffer.of(byte))
      await turn()
    }
  } else if (delivery === 'lines' && bytes.length < longestByLines) {
    for (const line of bytes.toString('latin1').split(/(?<=\r)|(?<=\n)/)) {
      if (stopped()) return
      socket.write(Buffer.from(line, 'latin1'))
      await pause(2)
    }
  } else socket.write(bytes)
}
