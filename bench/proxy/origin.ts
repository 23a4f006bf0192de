/**
 * The endpoints behind every proxy: nginx where there is one, because its answers cost far less than Node's and
 * the load has to share a core with it; else a small Node server.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from './ask.ts'
import type { Child, Children } from './children.ts'
import { has } from './children.ts'
import { fillFile } from './peer.ts'
import { hugeBytes } from './scenario.ts'
import { freePorts, until } from './wait.ts'

export type Origin = {
  readonly kind: 'nginx' | 'node'
  readonly ports: readonly number[]
  /** Of one that is Node: it says back what WebSockets bring, and reads a body to its end before it answers. */
  readonly nodePort: number
  /** What /small and /post, /large and /huge answer. */
  readonly small: Buffer
  readonly large: Buffer
  readonly huge: Buffer
  readonly child: Child
}

export type OriginInit = { readonly children: Children; readonly dir: string; readonly cores: readonly number[] }

export async function startOrigin({ children, dir, cores }: OriginInit): Promise<Origin> {
  const kind = has('nginx') ? 'nginx' : 'node'
  const [nodePort = 0, ...ports] = await freePorts(3)
  const small = Buffer.from(randomBytes(32).toString('hex'))
  const large = Buffer.from(randomBytes(524_288).toString('hex'))
  const huge = Buffer.alloc(hugeBytes, large)
  const folders = [dir, join(dir, 'temp'), join(dir, 'files')]
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  // Started by root, nginx's workers are somebody else.
  for (const folder of folders) chmodSync(folder, 0o777)
  writeFileSync(join(dir, 'files', 'small'), small)
  writeFileSync(join(dir, 'files', 'large'), large)
  writeFileSync(join(dir, 'files', 'huge'), huge)
  const config = { dir, small: small.toString(), origins: ports.map((port) => ({ port })) }
  writeFileSync(join(dir, 'nginx.conf'), fillFile('origin', 'nginx.conf', config))
  const server = join(import.meta.dirname, '..', 'peers', 'origin', 'server.ts')
  const launch =
    kind === 'nginx'
      ? { command: 'nginx', args: ['-c', join(dir, 'nginx.conf'), '-p', dir, '-e', join(dir, 'error.log')] }
      : { command: process.execPath, args: [server, dir, ...ports.map(String)] }
  const child = children.start(launch, cores)
  children.start({ command: process.execPath, args: [server, dir, String(nodePort)] }, cores)
  await until(`the endpoints answer (${child.said()})`, 10_000, async () => {
    const answer = await ask({ port: ports[1]!, host: 'origin.test', path: '/small' })
    return answer?.body.equals(small)
  })
  await until('the endpoint in Node answers', 10_000, async () => {
    const answer = await ask({ port: nodePort, host: 'origin.test', path: '/small' })
    return answer?.body.equals(small)
  })
  return { kind, ports, nodePort, small, large, huge, child }
}
