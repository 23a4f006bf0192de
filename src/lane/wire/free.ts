/**
 * Memory of what a socket has read, given back by hand. node reads into another buffer each time, up to 64 KiB; so many
 * of them make the collector mark the whole heap over and over, which costs as much as moving the bytes does.
 */

/**
 * Empties bytes that nobody looks at any more, together with all the memory they are in, if they are more than half of
 * it. A piece of node's pool (Buffer.poolSize) never is; what is no more than that is left to the collector.
 */
export function free({ buffer, length }: Buffer): void {
  // Detached, its memory is free at once; what comes back is an empty one.
  if (length * 2 > buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
