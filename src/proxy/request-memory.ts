/**
 * What was made of the fields of a request, kept by a lane for the next request of the same connection. Clients repeat
 * their fields word for word for as long as they keep a connection, but for Host where they ask for several; what
 * depends on nothing else is worked out once.
 */
import type { ResolvedClient } from '#http/forwarded.ts'
import type { RequestHead } from '#http/head.ts'
import { type Admitted, admitAlike, admitScanned, type Refusal, type RequestBounds } from '#http/request.ts'
import type { RequestFields } from '#http/request-fields.ts'
import type { Session } from '#upstream/session.ts'
import type { Forwarding } from './terms.ts'

/** The fields for the endpoint, all but the value of the last one, which is the request's id. */
export type Prepared = {
  readonly client: ResolvedClient
  readonly ownId: string | undefined
  readonly authority: string
  readonly fields: readonly string[]
  /** What they were made by. */
  readonly forwarding: Forwarding
}

/** The session that cookies of this name carry for this upstream or the other; `undefined` for none. */
export type SessionRead = {
  readonly cookieName: string
  readonly upstream: string
  readonly other: string
  readonly session: Session | undefined
}

/** A head whose fields were checked and filed as they were read (http/request-fields.ts). */
export type ScannedHead = {
  readonly received: RequestHead
  /** The same list for all requests of a connection whose fields differ by the value of the only Host line alone. */
  readonly kin: readonly string[]
  readonly scan: RequestFields
}

const noFields: readonly string[] = []
const noLine = { method: '', target: '', version: '1.1' } as const

export class RequestMemory {
  /** The lists that all of this was made of; lists are never changed, so they are compared by identity. */
  #kin: readonly string[]
  #fields: readonly string[]
  #admitted: Admitted | undefined
  #line: Pick<RequestHead, 'method' | 'target' | 'version'>
  /** What it was admitted by; another snapshot may bring others. */
  #bounds: RequestBounds | undefined
  #prepared: Prepared | undefined
  #sessionRead: SessionRead | undefined

  constructor() {
    this.#kin = noFields
    this.#fields = noFields
    this.#admitted = undefined
    this.#line = noLine
    this.#bounds = undefined
    this.#prepared = undefined
    this.#sessionRead = undefined
  }

  /** As admitScanned. */
  admit({ received: head, kin, scan }: ScannedHead, bounds: RequestBounds): Admitted | Refusal {
    const { method, target, version } = this.#line
    const isSame = head.fields === this.#fields
    const known = kin === this.#kin && head.version === version ? this.#admitted : undefined
    const isRepeated = isSame && bounds === this.#bounds && head.target === target && head.method === method
    if (known !== undefined && isRepeated) return known
    const isAlike = known !== undefined && known.upgrade === undefined && isOrigin(head.target) && isOrigin(target)
    const admitted = isAlike
      ? admitAlike(known, head, bounds, isSame ? undefined : scan.host)
      : admitScanned(head, scan, bounds)
    if (kin !== this.#kin) {
      this.#prepared = undefined
      this.#sessionRead = undefined
    }
    this.#kin = kin
    this.#fields = head.fields
    this.#admitted = 'cause' in admitted ? undefined : admitted
    this.#line = head
    this.#bounds = bounds
    return admitted
  }

  /**
   * What was kept with `keep` for the request of this head, or one that differs from it by its line and authority, if it
   * was made by the same rules.
   */
  prepared(head: RequestHead, forwarding: Forwarding): Prepared | undefined {
    const prepared = head.fields === this.#fields ? this.#prepared : undefined
    return prepared?.forwarding === forwarding ? prepared : undefined
  }

  keep(head: RequestHead, prepared: Prepared): void {
    if (head.fields === this.#fields) this.#prepared = prepared
  }

  /** What was read last of the fields of this head, or of fields that differ from them by Host. */
  sessionRead(head: RequestHead): SessionRead | undefined {
    return head.fields === this.#fields ? this.#sessionRead : undefined
  }

  keepSession(head: RequestHead, read: SessionRead): void {
    if (head.fields === this.#fields) this.#sessionRead = read
  }
}

function isOrigin(target: string): boolean {
  return target.charCodeAt(0) === 0x2f
}
