/** Redirects the requests whose path an expression matches, to an address made of what it has captured. */
import { compilePattern } from '#lib/pattern.ts'
import { captureTemplate } from './captures.ts'
import { definePolicy } from './policy.ts'
import { publicOrigin } from './variables.ts'

export type PathRedirectConfig = {
  /** On lib/pattern, anywhere in the path; upper and lower case count. */
  readonly pattern: string
  /** `$1` to `$9` are its groups. A path becomes a URL of the host asked for; the query follows, unless it ends in `?`. */
  readonly location: string
  readonly status: number
}

export const pathRedirect = definePolicy<PathRedirectConfig>({
  kind: 'path-redirect',
  create: ({ pattern, location, status }) => {
    const compiled = compilePattern(pattern)
    if (!compiled.ok) throw new TypeError(`${pattern} is no expression that can be matched: ${compiled.problem}`)
    const { test } = compiled.pattern
    const expand = captureTemplate(pattern, location.replace(/\?$/, ''))
    return {
      onRequest: (context) => {
        if (!test(context.path)) return undefined
        const address = expand(context.path)
        const origin = address.startsWith('/') ? publicOrigin(context) : ''
        const query = location.endsWith('?')
          ? ''
          : address.includes('?')
            ? context.query.replace('?', '&')
            : context.query
        return { status, fields: ['Location', origin + address + query], body: '' }
      },
    }
  },
})
