import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionOf } from '../../proxy/children.ts'
import type { Peer, Place } from '../../proxy/peer.ts'
import { fillFile, valuesOf } from '../../proxy/peer.ts'
import { generationHost } from '../../proxy/scenario.ts'

export const haproxy: Peer = {
  name: 'HAProxy',
  find: () => {
    const version = versionOf('haproxy', '-v')
    return Promise.resolve(version === undefined ? { missing: 'not installed' } : { version })
  },
  lacks: () => undefined,
  write,
  launch: ({ dir }) => ({
    command: 'haproxy',
    args: ['-W', '-f', join(dir, 'haproxy.cfg')],
    output: join(dir, 'output.log'),
  }),
  // The master starts new workers with the new files; the old ones finish what they have.
  reload: (place, pid) => {
    write(place)
    process.kill(pid, 'SIGUSR2')
  },
}

function write(place: Place): void {
  const { dir, hosts, generation, changing } = place
  const own = generationHost(generation)
  const map = [...hosts, ...(changing ? [own] : [])].map((host) => `${host} endpoints\n`)
  writeFileSync(join(dir, 'hosts.map'), map.join(''))
  writeFileSync(join(dir, 'haproxy.cfg'), fillFile('haproxy', 'haproxy.cfg', valuesOf(place, own)))
}
