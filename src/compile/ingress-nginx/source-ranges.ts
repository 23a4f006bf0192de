/** Annotations and global keys about which addresses may pass. */
import { parseCidr } from '#lib/cidr.ts'
import type { AccessConfig } from '#policy/access.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { report } from '../setting.ts'

const ranges = 'addresses and CIDRs, with commas between'
const forged = 'The client is the peer of the connection, or what `--trusted-proxies` say of it.'

export const sourceRanges: AnnotationGroup = {
  title: 'Address lists',
  rows: [
    honoured(
      'whitelist-source-range',
      ranges,
      `Only these clients may pass, others get 403. ${forged} A part that cannot be read closes the routes.`,
      { guards: true },
    ),
    honoured('allowlist-source-range', ranges, 'The newer name of `whitelist-source-range`, which goes before it.', {
      guards: true,
    }),
    honoured('denylist-source-range', ranges, 'These clients get 403, whatever the list above says.', { guards: true }),
  ],
}

export type Ranges = {
  readonly allow: readonly string[] | undefined
  readonly deny: readonly string[] | undefined
  readonly closed: string | undefined
}

export const noRanges: Ranges = { allow: undefined, deny: undefined, closed: undefined }

/** A list that is written replaces that of the ConfigMap. */
export function readRanges(scope: Scope, base: Ranges): Ranges {
  const allow = readList(
    scope,
    (scope.value('whitelist-source-range')?.trim() ?? '') === '' ? 'allowlist-source-range' : 'whitelist-source-range',
  )
  const deny = readList(scope, 'denylist-source-range')
  return {
    allow: allow.list ?? base.allow,
    deny: deny.list ?? base.deny,
    closed: allow.closed ?? deny.closed ?? base.closed,
  }
}

/** `undefined` when neither list says anything. */
export function accessOf({ allow, deny }: Ranges): AccessConfig | undefined {
  return allow === undefined && deny === undefined ? undefined : { allow, deny: deny ?? [] }
}

function readList(
  scope: Scope,
  name: string,
): { readonly list: readonly string[] | undefined; readonly closed: string | undefined } {
  const parts = (scope.value(name) ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const wrong = parts.find((part) => parseCidr(part) === undefined)
  if (wrong === undefined) return { list: parts.length === 0 ? undefined : parts, closed: undefined }
  report(scope, name, {
    severity: 'error',
    expected: 'addresses and CIDRs such as 10.0.0.0/8',
    because: JSON.stringify(wrong),
    instead: 'the routes answer 503 rather than let the wrong clients pass',
  })
  return { list: undefined, closed: `${name} cannot be read` }
}
