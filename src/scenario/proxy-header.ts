/**
 * A header of the PROXY protocol as a load balancer sends it, from the words of its version 1. For tests only, so that
 * what reads them is not what wrote them.
 */
import { isIP } from 'node:net'
import type { ProxyHeaderSpec } from './scenario.ts'

/** `undefined` when version 2 cannot say what the text says; version 1 is sent as written. */
export function proxyHeader({ version, text }: ProxyHeaderSpec): Buffer | undefined {
  if (version === 1) return Buffer.from(`PROXY ${text}\r\n`, 'latin1')
  if (text === 'LOCAL' || text === 'UNKNOWN') return header(text === 'LOCAL' ? 0x20 : 0x21, 0, Buffer.alloc(0))
  const [family, source = '', destination = '', sourcePort, destinationPort] = text.split(' ')
  const kind = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  if (kind === 0 || isIP(source) !== kind || isIP(destination) !== kind) return undefined
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(Number(sourcePort), 0)
  ports.writeUInt16BE(Number(destinationPort), 2)
  return header(0x21, kind === 4 ? 0x11 : 0x21, Buffer.concat([toBytes(source), toBytes(destination), ports]))
}

function header(command: number, family: number, addresses: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(addresses.length)
  return Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
    Buffer.from([command, family]),
    length,
    addresses,
  ])
}

function toBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => '0')
  return Buffer.from(
    [...before, ...zeros, ...after].flatMap((group) => [
      Number.parseInt(group, 16) >> 8,
      Number.parseInt(group, 16) & 255,
    ]),
  )
}
