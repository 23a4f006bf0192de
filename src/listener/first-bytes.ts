/**
 * Reads the first bytes of a connection before anybody else does, until somebody has seen enough of them. What they do
 * not use up is put back, so that whoever gets the socket next reads it as if nobody had looked.
 */
import type { Socket } from 'node:net'

/** `more`: not enough yet, and nothing to be said before there are `atLeast` bytes. */
export type Judgement<T> =
  | { readonly kind: 'more'; readonly atLeast: number }
  /** `used`: bytes from the beginning that nobody else shall see. */
  | { readonly kind: 'done'; readonly value: T; readonly used: number }

export type FirstBytesInit<T> = {
  /** Gets all bytes so far, and bounds how many there may be. */
  readonly judge: (bytes: Buffer) => Judgement<T>
  readonly timeoutMs: number
  readonly onDone: (value: T) => void
  /** Too slow, or gone: the socket is destroyed right behind. `bytes`: how many came. */
  readonly onGone: (reason: 'timeout' | 'closed', bytes: number) => void
}

/** The socket must be fresh: nobody listens to its data. It is paused when `onDone` is called. */
export function readFirstBytes<T>(socket: Socket, { judge, timeoutMs, onDone, onGone }: FirstBytesInit<T>): void {
  let bytes: Buffer = Buffer.alloc(0)
  let atLeast = 1
  const timer = setTimeout(() => give(() => gone('timeout')), timeoutMs)
  const onReadable = (): void => {
    for (let chunk = read(socket); chunk !== null; chunk = read(socket))
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    if (bytes.length < atLeast) return
    const judgement = judge(bytes)
    if (judgement.kind === 'more') {
      atLeast = judgement.atLeast
      return
    }
    give(() => {
      socket.pause()
      if (judgement.used < bytes.length) socket.unshift(bytes.subarray(judgement.used))
      onDone(judgement.value)
    })
  }
  const onEnd = (): void => give(() => gone('closed'))
  const give = (next: () => void): void => {
    clearTimeout(timer)
    socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
    next()
  }
  const gone = (reason: 'timeout' | 'closed'): void => {
    onGone(reason, bytes.length)
    socket.destroy()
  }
  socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
}

/** No encoding is set on a fresh socket, so it gives bytes. */
function read(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null
}
