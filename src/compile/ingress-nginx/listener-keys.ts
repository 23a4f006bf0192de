/** Keys of the global ConfigMap about how connections are accepted. */
import type { ListenerSpec } from '#snapshot/snapshot.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readDuration } from '../setting.ts'
import { readTlsSettings, tlsKeys } from './tls-keys.ts'

export const listenerKeys: readonly AnnotationRow[] = [
  honoured(
    'use-proxy-protocol',
    'true, false (false)',
    'Every connection of both ports begins with a header of the PROXY protocol (version 1 or 2), and the client is who it says; one without is closed. Where `--proxy-protocol` names peers, theirs do and others do not.',
  ),
  honoured('proxy-protocol-header-timeout', 'a duration such as 5s (5s)', 'Until that header must be there.'),
  honoured(
    'proxy-stream-timeout',
    'a duration such as 600s (600s)',
    'How long nothing may move on a connection that is passed on unread (`ssl-passthrough`).',
  ),
  ...tlsKeys,
]

/** `undefined` where nothing is asked for. */
export function readListener(scope: Scope): ListenerSpec | undefined {
  const proxyHeaderMs = readDuration(scope, 'proxy-protocol-header-timeout', 1)
  const tls = readTlsSettings(scope)
  const spec: ListenerSpec = {
    ...(readBoolean(scope, 'use-proxy-protocol', false) ? { proxyProtocol: true } : {}),
    ...(proxyHeaderMs === undefined ? {} : { proxyHeaderMs }),
    ...(tls === undefined ? {} : { tls }),
  }
  return Object.keys(spec).length === 0 ? undefined : spec
}
