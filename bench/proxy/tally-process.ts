/**
 * Handshakes and WebSocket messages from a process of its own, so that it can be bound to the load's core:
 * `tally-process.ts <drive.json>` prints a `Driven` whose requests are what the load counts.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Drive, Driven } from './drive.ts'
import { handshake, sessionOf } from './handshake.ts'

// drive.ts has written it; nothing here sends a body.
const drive = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Drive
const { load, port, hosts, seconds } = drive
/** In microseconds. */
const times: number[] = []
let failures = 0
const over = new AbortController()

async function shakeHands(client: number): Promise<void> {
  const host = hosts[client % hosts.length]!
  const session = load.per === 'resumption' ? await sessionOf({ port, host }) : undefined
  while (!over.signal.aborted) {
    const began = performance.now()
    try {
      const { resumed } = await handshake({ port, host, ...(session === undefined ? {} : { session }) })
      if (resumed !== (load.per === 'resumption')) failures += 1
      times.push((performance.now() - began) * 1_000)
    } catch {
      failures += 1
    }
  }
}

const messageBytes = 64

async function exchangeMessages(client: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}`
  socket.write(`GET /socket HTTP/1.1\r\nHost: ${hosts[client % hosts.length]}\r\n${fields}\r\n\r\n`)
  const message = maskedFrame(Buffer.alloc(messageBytes, 'm'))
  let isOpen = false
  let missing = 0
  let began = 0
  const send = (): void => {
    began = performance.now()
    missing = messageBytes + 2
    socket.write(message)
  }
  socket.on('data', (data: Buffer) => {
    if (!isOpen) {
      isOpen = data.includes('\r\n\r\n') && data.toString('latin1').startsWith('HTTP/1.1 101')
      return isOpen ? send() : void socket.destroy()
    }
    missing -= data.length
    if (missing > 0) return
    times.push((performance.now() - began) * 1_000)
    if (over.signal.aborted) socket.destroy()
    else send()
  })
  await closed(socket)
  if (!over.signal.aborted) failures += 1
}

/** RFC 6455 section 5.2, for up to 125 bytes. */
function maskedFrame(text: Buffer): Buffer {
  const mask = randomBytes(4)
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, text.map((byte, at) => byte ^ mask[at & 3]!)])
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}

const began = performance.now()
const clients = Array.from({ length: load.clients }, (_, client) =>
  load.per === 'message' ? exchangeMessages(client) : shakeHands(client),
)
await sleep(seconds * 1_000)
over.abort()
const took = (performance.now() - began) / 1_000
await Promise.race([Promise.all(clients), sleep(5_000)])
const sorted = times.toSorted((a, b) => a - b)
const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
const driven: Driven = { requests: times.length, seconds: took, failures, p50: at(0.5), p99: at(0.99), p999: at(0.999) }
process.stdout.write(`${JSON.stringify(driven)}\n`, () => process.exit())
