/** Global keys that tune what nginx is made of, and Genkan is not: each with the reason why it has no effect here. */
import type { AnnotationRow } from '../annotation.ts'
import { noEffect } from '../annotation.ts'

const reasons: readonly [reason: string, names: string][] = [
  ['A process setting, which no file changes: `--workers` says how many threads move requests.', 'worker-processes'],
  [
    'A process setting, which no file changes: `--limit-connections` bounds the connections of a worker.',
    'max-worker-connections',
  ],
  [
    'Tables grow as they must; there are no sizes to choose.',
    `server-name-hash-max-size server-name-hash-bucket-size map-hash-bucket-size proxy-headers-hash-max-size
     proxy-headers-hash-bucket-size variables-hash-max-size variables-hash-bucket-size lua-shared-dicts`,
  ],
  [
    'The kernel and Node.js see to it.',
    'enable-multi-accept max-worker-open-files worker-cpu-affinity reuse-port enable-aio-write',
  ],
  ['There is no such log; `--log-level debug` says more.', 'debug-connections'],
  ['A change never starts other processes, so there is nothing to put in order.', 'enable-serial-reloads'],
  ['The addresses to listen on are those of `--bind`.', 'bind-address disable-ipv6'],
  ['Names are asked for in both families, and every endpoint has an address of one.', 'disable-ipv6-dns'],
  [
    'Only HTTP is proxied, and what is upgraded from it.',
    `proxy-stream-next-upstream proxy-stream-next-upstream-timeout proxy-stream-next-upstream-tries
     proxy-stream-responses`,
  ],
  ['Bodies are streamed, with a small bounded buffer.', 'client-body-buffer-size proxy-max-temp-file-size'],
  [
    'There is no such status page; `/metrics` of the admin address has the numbers.',
    'nginx-status-ipv4-whitelist nginx-status-ipv6-whitelist',
  ],
]

export const machineryKeys: readonly AnnotationRow[] = reasons.flatMap(([reason, names]) =>
  names.split(/\s+/).map((name) => noEffect(name, reason)),
)
