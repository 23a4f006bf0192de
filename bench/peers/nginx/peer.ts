import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionOf } from '../../proxy/children.ts'
import type { Peer, Place } from '../../proxy/peer.ts'
import { fillFile, valuesOf } from '../../proxy/peer.ts'
import { generationHost } from '../../proxy/scenario.ts'

export const nginx: Peer = {
  name: 'nginx',
  find: () => {
    const version = versionOf('nginx', '-v')
    return Promise.resolve(version === undefined ? { missing: 'not installed' } : { version })
  },
  lacks: () => undefined,
  write,
  launch: ({ dir }) => ({
    command: 'nginx',
    args: ['-c', join(dir, 'nginx.conf'), '-p', dir, '-e', join(dir, 'error.log')],
  }),
  // What `nginx -s reload` does.
  reload: (place, pid) => {
    write(place)
    process.kill(pid, 'SIGHUP')
  },
}

function write(place: Place): void {
  const { dir, generation } = place
  mkdirSync(join(dir, 'temp'), { recursive: true })
  // Started by root, its workers are somebody else.
  for (const each of [dir, join(dir, 'temp')]) chmodSync(each, 0o777)
  writeFileSync(join(dir, 'nginx.conf'), fillFile('nginx', 'nginx.conf', valuesOf(place, generationHost(generation))))
}
