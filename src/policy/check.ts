/** A policy that decides who may pass: what `satisfy` combines. */
import type { Filter, FilterContext, Reply } from './policy.ts'

export type Check = {
  /** Takes what only the check itself may vouch for out of the request to the endpoint; done even when nobody asks. */
  readonly strip?: (context: FilterContext) => void
  /** Nothing when the client may pass. 401 and 403, and a way to sign in, let another check decide; others do not. */
  readonly ask: (context: FilterContext) => Reply | undefined | Promise<Reply | undefined>
  readonly onResponse?: Filter['onResponse']
}

/** The check as a filter of its own. */
export function filterOf({ strip, ask, onResponse }: Check): Filter {
  return {
    onRequest: (context) => {
      strip?.(context)
      return ask(context)
    },
    ...(onResponse && { onResponse }),
  }
}
