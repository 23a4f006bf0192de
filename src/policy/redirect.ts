/** Answers every request with the same redirect. */
import { definePolicy } from './policy.ts'
import { fillIn, publicOrigin, type VariableText } from './variables.ts'

export type RedirectConfig = {
  readonly status: number
  /** A URL or a path. */
  readonly location: VariableText
  /** A path stays a path rather than becoming a URL of the host asked for. */
  readonly relative: boolean
}

export const redirect = definePolicy<RedirectConfig>({
  kind: 'redirect',
  create: ({ status, location, relative }) => ({
    onRequest: (context) => {
      const expanded = fillIn(location, context)
      const base = expanded.startsWith('/') && !relative ? publicOrigin(context) : ''
      return { status, fields: ['Location', base + expanded], body: '' }
    },
  }),
})
