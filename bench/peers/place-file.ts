/**
 * What the proxies that are Node programs are told: one JSON file instead of a configuration language.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Peer, Place } from '../proxy/peer.ts'
import type { Setup } from '../proxy/scenario.ts'

export type ServerSettings = {
  readonly http: number
  readonly https: number
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  /** Host to where it is served from. */
  readonly targets: ReadonlyMap<string, string>
  readonly webSockets: boolean
  /** Access log file; `undefined` for none. */
  readonly accessLog: string | undefined
}

export type NodePeerInit = {
  readonly name: string
  readonly package: string
  /** `import.meta.url` of a file beside its server.ts. */
  readonly from: string
  /** It passes WebSockets on. */
  readonly webSockets?: boolean
  readonly unequal?: string
  readonly lacks?: (setup: Setup, protocol: 'http' | 'https' | 'h2') => string | undefined
}

/** A peer whose server.ts reads the settings named by its first argument. */
export function nodePeer({ name, package: packageName, from, webSockets = false, unequal, lacks }: NodePeerInit): Peer {
  return {
    name,
    ...(unequal === undefined ? {} : { unequal }),
    find: () => Promise.resolve(find(packageName)),
    lacks: (setup, protocol) =>
      setup.webSockets && !webSockets
        ? 'it does not pass WebSockets on'
        : (lacksOfAll(setup) ?? lacks?.(setup, protocol)),
    write: (place) => writeFileSync(join(place.dir, 'place.json'), JSON.stringify(place)),
    launch: ({ dir }) => ({
      command: process.execPath,
      args: [fileURLToPath(new URL('server.ts', from)), join(dir, 'place.json')],
      env: { NODE_ENV: 'production' },
    }),
  }
}

/** For the server: what its file says. */
export function readSettings(file: string | undefined): ServerSettings {
  // `write` above has written it.
  const place = JSON.parse(readFileSync(file ?? '', 'utf8')) as Place
  const { setup, certificate, origins } = place
  const target = `http://127.0.0.1:${origins[0]}`
  const read = (path: string): string => readFileSync(path, 'utf8')
  return {
    http: place.http,
    https: place.https,
    tls: setup.tls ? { cert: read(certificate.chain), key: read(certificate.key) } : undefined,
    targets: new Map(place.hosts.map((host) => [host, target])),
    webSockets: setup.webSockets,
    accessLog: setup.accessLog ? join(place.dir, 'access.log') : undefined,
  }
}

function lacksOfAll({ rateLimit, sticky, workers }: Setup): string | undefined {
  if (rateLimit || sticky) return 'it has neither rate limit nor sessions'
  return workers > 1 ? 'it is one thread' : undefined
}

function find(packageName: string): { readonly version: string } | { readonly missing: string } {
  try {
    const folder = createRequire(import.meta.url).resolve.paths(packageName) ?? []
    for (const each of folder) {
      const text = readIfThere(join(each, packageName, 'package.json'))
      // npm demands that a package says its version.
      if (text !== undefined) return { version: (JSON.parse(text) as { version: string }).version }
    }
    return { missing: 'not installed' }
  } catch {
    return { missing: 'not installed' }
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
