import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionOf } from '../../proxy/children.ts'
import type { Peer, Place } from '../../proxy/peer.ts'
import { fillFile, valuesOf } from '../../proxy/peer.ts'
import { generationHost } from '../../proxy/scenario.ts'

export const traefik: Peer = {
  name: 'Traefik',
  find: () => {
    const version = versionOf('traefik', 'version')
    return Promise.resolve(version === undefined ? { missing: 'not installed' } : { version })
  },
  lacks: () => undefined,
  write,
  launch: ({ dir, setup }) => ({
    command: 'traefik',
    args: [`--configFile=${join(dir, 'traefik.yaml')}`],
    env: { GOMAXPROCS: String(setup.workers) },
  }),
  // It watches the folder.
  reload: write,
}

function write(place: Place): void {
  const { dir, generation } = place
  const values = valuesOf(place, generationHost(generation))
  mkdirSync(join(dir, 'rules'), { recursive: true })
  writeFileSync(join(dir, 'traefik.yaml'), fillFile('traefik', 'traefik.yaml', values))
  writeFileSync(join(dir, 'rules.next'), fillFile('traefik', 'rules.yaml', values))
  renameSync(join(dir, 'rules.next'), join(dir, 'rules', 'rules.yaml'))
}
