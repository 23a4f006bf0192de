/**
 * What was made of the fields of a request, kept by a lane for the next request of the same connection. Clients repeat
 * their fields word for word for as long as they keep a connection; what depends on nothing else is worked out once.
 */
import type { ResolvedClient } from '#http/forwarded.ts'
import type { RequestHead } from '#http/head.ts'
import { type Admitted, admitScanned, admitTarget, type Refusal, type RequestBounds } from '#http/request.ts'
import type { RequestFields } from '#http/request-fields.ts'

/** The fields for the endpoint, all but the last one, which is the request's id. */
export type Prepared = {
  readonly client: ResolvedClient
  readonly ownId: string | undefined
  readonly fields: readonly string[]
}

const noFields: readonly string[] = []
const noLine = { method: '', target: '', version: '1.1' } as const

export class RequestMemory {
  /** The list that all of this was made of; lists are never changed, so it is compared by identity. */
  #fields: readonly string[]
  #admitted: Admitted | undefined
  #line: Pick<RequestHead, 'method' | 'target' | 'version'>
  #prepared: Prepared | undefined

  constructor() {
    this.#fields = noFields
    this.#admitted = undefined
    this.#line = noLine
    this.#prepared = undefined
  }

  /** As admitScanned. `scan` is that of the fields. */
  admit(head: RequestHead, scan: RequestFields, bounds: RequestBounds): Admitted | Refusal {
    const { method, target, version } = this.#line
    const known = head.fields === this.#fields && head.version === version ? this.#admitted : undefined
    if (known !== undefined && head.target === target && head.method === method) return known
    const isAlike = known !== undefined && known.upgrade === undefined && isOrigin(head.target) && isOrigin(target)
    const admitted = isAlike ? admitTarget(known, head, bounds) : admitScanned(head, scan, bounds)
    if (head.fields !== this.#fields) this.#prepared = undefined
    this.#fields = head.fields
    this.#admitted = 'cause' in admitted ? undefined : admitted
    this.#line = head
    return admitted
  }

  /** What was kept for these fields with `keep`. */
  prepared(head: RequestHead): Prepared | undefined {
    return head.fields === this.#fields ? this.#prepared : undefined
  }

  keep(head: RequestHead, prepared: Prepared): void {
    if (head.fields === this.#fields) this.#prepared = prepared
  }
}

function isOrigin(target: string): boolean {
  return target.charCodeAt(0) === 0x2f
}
