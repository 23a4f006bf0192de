/** Global keys about proxies in front: whose word about the client counts, how far, and what endpoints are told of it. */
import { isToken } from '#http/grammar.ts'
import { parseCidr } from '#lib/cidr.ts'
import { problemOf } from '#resource/problem.ts'
import type { ForwardingSpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readMatching, readText, report } from '../setting.ts'
import type { DoorOptions } from './door.ts'
import { givesWay } from './flag-rule.ts'

export const forwardingKeys: readonly AnnotationRow[] = [
  honoured(
    'use-forwarded-headers',
    'true, false (false)',
    'X-Forwarded-For, -Proto, -Host and -Port of the proxies in `proxy-real-ip-cidr` are believed, or Forwarded where there is none of them. `--trusted-proxies` counts before it.',
    { difference: 'ingress-nginx believes Proto, Host and Port from anybody; here only from those proxies.' },
  ),
  honoured(
    'enable-real-ip',
    'true, false (false)',
    'Of what those proxies say, only the address of the client is believed; `use-forwarded-headers` believes it all.',
  ),
  honoured(
    'proxy-real-ip-cidr',
    'addresses and CIDRs, with commas between',
    'The proxies that are believed. Where it is not written: private and loopback addresses; with `--compat ingress-nginx` everybody over IPv4.',
    { difference: 'In ingress-nginx the default is `0.0.0.0/0`: everybody.' },
  ),
  honoured(
    'forwarded-for-header',
    'the name of a field (X-Forwarded-For)',
    'Where proxies list addresses. Anybody else who sends it is not believed, and endpoints do not see it.',
  ),
  honoured(
    'compute-full-forwarded-for',
    'true, false (false)',
    "X-Forwarded-For tells endpoints all addresses, the proxy's own at the end; otherwise the client's alone. With `--trusted-proxies` it is all of them unless this says `false`.",
  ),
]

/** Where proxies in front usually stand: RFC 1918, RFC 6598, RFC 4193, and this machine. No stranger comes from there. */
const nearby: readonly string[] = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
]

/** `undefined` when the process's own settings stay. */
export function readForwarding(scope: Scope, { compat, givenFlags }: DoorOptions): ForwardingSpec | undefined {
  const named = readMatching(scope, 'forwarded-for-header', {
    test: isToken,
    expected: 'the name of a field',
  })?.toLowerCase()
  const listField = named ?? 'x-forwarded-for'
  const isFull = scope.value('compute-full-forwarded-for') === undefined ? undefined : readFull(scope)
  const trust = ['use-forwarded-headers', 'enable-real-ip', 'proxy-real-ip-cidr']
  const yielding = trust.filter((key) => givesWay(scope, key, 'trusted-proxies', givenFlags))
  if (yielding.length > 0 || givenFlags.has('trusted-proxies')) {
    if (named === undefined && isFull === undefined) return undefined
    return { believes: 'all', listField, tells: isFull === false ? 'client' : 'chain' }
  }
  const believesAll = readBoolean(scope, 'use-forwarded-headers', false)
  if (!believesAll && !readBoolean(scope, 'enable-real-ip', false)) return undefined
  return {
    trusted: readTrusted(scope, compat, believesAll ? 'use-forwarded-headers' : 'enable-real-ip'),
    believes: believesAll ? 'all' : 'address',
    listField,
    tells: isFull === true ? 'chain' : 'client',
  }
}

function readFull(scope: Scope): boolean {
  return readBoolean(scope, 'compute-full-forwarded-for', false)
}

/** Parts that cannot be read are nobody: too few are believed rather than too many. */
function readTrusted(scope: Scope, compat: DoorOptions['compat'], asker: string): readonly string[] {
  const name = 'proxy-real-ip-cidr'
  const text = readText(scope, name)
  if (text === undefined) {
    if (compat === 'ingress-nginx') return ['0.0.0.0/0']
    const message = `${asker} is on and ${name} does not say whom to believe`
    const instead = `proxies with private addresses are believed; name yours in ${name}`
    scope.problems.push(
      problemOf(scope.resource, {
        severity: 'warning',
        code: 'trusted-proxies-assumed',
        at: scope.at(asker),
        message,
        instead,
      }),
    )
    return nearby
  }
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const bad = parts.filter((part) => parseCidr(part) === undefined)
  if (bad.length > 0) {
    report(scope, name, {
      expected: 'addresses and CIDRs, with commas between',
      because: bad.join(' and '),
      instead: 'nobody is believed for that part',
    })
  }
  return parts.filter((part) => !bad.includes(part))
}
