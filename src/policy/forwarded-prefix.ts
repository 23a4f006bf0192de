/** Tells the endpoint which part of the path a rewrite has taken away, in X-Forwarded-Prefix. */
import { set } from '#http/fields.ts'
import { definePolicy } from './policy.ts'
import { captureTemplate } from './captures.ts'

export type ForwardedPrefixConfig = {
  /** As in the rewrite. */
  readonly pattern: string
  /** `$1` to `$9` are its groups. */
  readonly prefix: string
}

export const forwardedPrefix = definePolicy<ForwardedPrefixConfig>({
  kind: 'forwarded-prefix',
  create: ({ pattern, prefix }) => {
    const expand = captureTemplate(pattern, prefix, true)
    return {
      onRequest: ({ path, sent }) => {
        set(sent.fields, 'X-Forwarded-Prefix', expand(path))
        return undefined
      },
    }
  },
})
