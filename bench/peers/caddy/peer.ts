import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionOf } from '../../proxy/children.ts'
import type { Peer, Place } from '../../proxy/peer.ts'
import { fillFile, valuesOf } from '../../proxy/peer.ts'
import { generationHost } from '../../proxy/scenario.ts'

export const caddy: Peer = {
  name: 'Caddy',
  find: () => {
    const version = versionOf('caddy', 'version')
    return Promise.resolve(version === undefined ? { missing: 'not installed' } : { version })
  },
  lacks: ({ rateLimit }) => (rateLimit ? 'its standard build has no rate limit' : undefined),
  write,
  launch: ({ dir, setup }) => ({
    command: 'caddy',
    args: ['run', '--config', join(dir, 'Caddyfile'), '--adapter', 'caddyfile'],
    env: { GOMAXPROCS: String(setup.workers), XDG_CONFIG_HOME: dir, XDG_DATA_HOME: dir },
  }),
  // What `caddy reload` does.
  reload: async (place) => {
    write(place)
    const body = readFileSync(join(place.dir, 'Caddyfile'), 'utf8')
    const headers = { 'content-type': 'text/caddyfile' }
    const response = await fetch(`http://127.0.0.1:${place.admin}/load`, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) throw new Error(`Caddy refuses the new configuration: ${await response.text()}`)
  },
}

function write(place: Place): void {
  const text = fillFile('caddy', 'Caddyfile', valuesOf(place, generationHost(place.generation)))
  writeFileSync(join(place.dir, 'Caddyfile'), text)
}
