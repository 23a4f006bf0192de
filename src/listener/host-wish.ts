/** What a host asks for that the TLS server of all hosts cannot give. */
import { createHash } from 'node:crypto'
import type { TlsOptions } from 'node:tls'
import type { ClientAuthSpec, HostTlsSpec, ServerNameSpec } from '#snapshot/snapshot.ts'

export type Wish = { readonly auth: ClientAuthSpec | undefined; readonly tls: HostTlsSpec | undefined }

/** As node wants them. */
export type Lists = { readonly ciphers?: string; readonly honorCipherOrder?: boolean }

/** Else the server of all hosts does for it. */
export function wantsOwn({ clientAuth, tls }: ServerNameSpec): boolean {
  return clientAuth !== undefined || tls !== undefined
}

/** `undefined`: clients are to be asked for certificates, and nobody knows for which. */
export function wishOf(
  { clientAuth, tls }: ServerNameSpec,
  auths: ReadonlyMap<string, ClientAuthSpec>,
): Wish | undefined {
  const auth = clientAuth === undefined ? undefined : auths.get(clientAuth)
  return clientAuth !== undefined && auth === undefined ? undefined : { auth, tls }
}

/**
 * A session goes on with the suite it began with, so one of other lists must not be taken up again under these. Node's
 * own context differs with the command line, so processes that share a key would not share sessions.
 */
export function sessionsOf(lists: Lists): TlsOptions {
  return { sessionIdContext: createHash('sha256').update(JSON.stringify(lists)).digest('hex').slice(0, 32) }
}
