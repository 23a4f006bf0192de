/** One TLS 1.3 handshake on a connection of its own. */
import type { TLSSocket } from 'node:tls'
import { connect } from 'node:tls'

export type HandshakeInit = { readonly port: number; readonly host: string; readonly session?: Buffer }

const timeoutMs = 5_000

/**
 * Rejects when it fails or takes too long. The connection is closed again, by both sides: a socket that is destroyed as
 * soon as it is secure takes the client's last message of the handshake with it, and then the server has only seen one
 * that was broken off.
 */
export async function handshake(init: HandshakeInit): Promise<{ readonly resumed: boolean }> {
  const socket = open(init)
  try {
    await shaken(socket)
    const resumed = socket.isSessionReused()
    await closed(socket.end())
    return { resumed }
  } finally {
    socket.destroy()
  }
}

/** What to resume; `undefined` when the server gives nothing of the kind. */
export async function sessionOf(init: HandshakeInit): Promise<Buffer | undefined> {
  const socket = open(init)
  try {
    // With TLS 1.3 it comes behind the handshake; some send it along with their first answer only.
    const session = new Promise<Buffer | undefined>((resolve) => {
      socket.once('session', resolve)
      socket.once('close', () => resolve(undefined))
    })
    await shaken(socket)
    socket.write(`GET /small HTTP/1.1\r\nHost: ${init.host}\r\n\r\n`)
    return await session
  } finally {
    socket.destroy()
  }
}

function open({ port, host, session }: HandshakeInit): TLSSocket {
  const version = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ecdhCurve: 'X25519' } as const
  const options = { host: '127.0.0.1', port, servername: host, rejectUnauthorized: false, ...version }
  const socket = connect(session === undefined ? options : { ...options, session })
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no handshake in time')))
  return socket
}

function shaken(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.on('error', reject)
  })
}

function closed(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    // What the server says when it closes (session tickets) must be read, or nobody sees its end.
    socket.resume()
    socket.once('close', (hadError) => (hadError ? reject(new Error('the connection was cut')) : resolve()))
  })
}
