import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionOf } from '../../proxy/children.ts'
import type { Peer } from '../../proxy/peer.ts'
import { fillFile, valuesOf } from '../../proxy/peer.ts'
import { generationHost } from '../../proxy/scenario.ts'

export const envoy: Peer = {
  name: 'Envoy',
  find: () => {
    const version = versionOf('envoy', '--version')
    return Promise.resolve(version === undefined ? { missing: 'not installed' } : { version })
  },
  lacks: ({ rateLimit }) => (rateLimit ? 'its local rate limit does not count per client address' : undefined),
  write: (place) => {
    const text = fillFile('envoy', 'envoy.yaml', valuesOf(place, generationHost(place.generation)))
    writeFileSync(join(place.dir, 'envoy.yaml'), text)
  },
  launch: ({ dir, setup }) => ({
    command: 'envoy',
    args: [
      '-c',
      join(dir, 'envoy.yaml'),
      '--concurrency',
      String(setup.workers),
      '--log-level',
      'error',
      '--disable-hot-restart',
    ],
  }),
}
