import type { ClientProof } from '#policy/policy.ts'

/** One client connection as the listener saw it. A plain record: it outlives its socket in the access log. */
export type Connection = {
  /** IP literal of the peer, IPv4 in its dotted form. */
  readonly address: string
  readonly remotePort: number
  readonly scheme: 'http' | 'https'
  /** Port of ours. */
  readonly port: number
  readonly tls: TlsFacts | undefined
  /** Why the fast lane left it to the general one; absent when it did not. */
  readonly unfit?: string
}

export type TlsFacts = {
  /** `TLSv1.3` */
  readonly version: string
  /** Agreed by ALPN; `undefined` when the client offered none of ours. */
  readonly alpn: 'h2' | 'http/1.1' | undefined
  /** Lower case, as asked for; `undefined` when the client named no server. */
  readonly serverName: string | undefined
  /** Absent where the client was not asked for a certificate. */
  readonly client?: ClientProof
}
