import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionOf } from '../../proxy/children.ts'
import type { Peer, Place } from '../../proxy/peer.ts'
import { fillFile, valuesOf } from '../../proxy/peer.ts'
import { generationHost } from '../../proxy/scenario.ts'

export const envoy: Peer = {
  name: 'Envoy',
  find: () => {
    const version = versionOf('envoy', '--version')
    return Promise.resolve(version === undefined ? { missing: 'not installed' } : { version })
  },
  lacks: () => undefined,
  write: (place) => {
    const values = valuesOf(place, generationHost(place.generation))
    writeFileSync(join(place.dir, 'envoy.yaml'), fillFile('envoy', 'envoy.yaml', values))
    writeRoutes(place)
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
  // It takes a file that is moved into the folder it watches.
  reload: writeRoutes,
}

function writeRoutes(place: Place): void {
  const values = valuesOf(place, generationHost(place.generation))
  mkdirSync(join(place.dir, 'routes'), { recursive: true })
  writeFileSync(join(place.dir, 'routes.next'), fillFile('envoy', 'routes.yaml', values))
  renameSync(join(place.dir, 'routes.next'), join(place.dir, 'routes', 'routes.yaml'))
}
