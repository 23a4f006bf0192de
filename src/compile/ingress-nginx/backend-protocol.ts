/** `backend-protocol` → how endpoints are spoken to. A value nobody knows may have meant encryption, so it closes. */
import type { UpstreamSpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readText, report } from '../setting.ts'
import type { Wish } from '../upstream-wish.ts'

const protocols: ReadonlyMap<string, UpstreamSpec['protocol']> = new Map([
  ['HTTP', 'http'],
  ['HTTPS', 'https'],
  ['GRPC', 'grpc'],
  ['GRPCS', 'grpcs'],
  ['AUTO_HTTP', 'auto'],
])

export type ProtocolReading = {
  readonly wish: Wish<UpstreamSpec['protocol']> | undefined
  /** Why the routes answer 503. */
  readonly closed: string | undefined
}

export function readProtocol(scope: Scope): ProtocolReading {
  const text = readText(scope, 'backend-protocol')
  if (text === undefined) return { wish: undefined, closed: undefined }
  const value = protocols.get(text.toUpperCase())
  if (value !== undefined)
    return { wish: { value, key: 'backend-protocol', at: scope.at('backend-protocol') }, closed: undefined }
  const fastCgi = text.toUpperCase() === 'FCGI'
  report(scope, 'backend-protocol', {
    severity: 'error',
    expected: [...protocols.keys()].join(', '),
    instead: fastCgi
      ? 'FastCGI is never spoken, so the routes answer 503'
      : 'it may have asked for encryption, so the routes answer 503',
  })
  return { wish: undefined, closed: fastCgi ? 'FastCGI is not spoken' : `there is no protocol ${JSON.stringify(text)}` }
}
