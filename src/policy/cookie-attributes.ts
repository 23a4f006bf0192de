/** Rewrites Domain and Path of the cookies that endpoints set (RFC 6265 section 4.1). */
import { equalsLower } from '#http/grammar.ts'
import { definePolicy } from './policy.ts'

export type CookieAttributesConfig = {
  /** A Domain that is `from`, dots in front and case not counted, becomes `to`. */
  readonly domain?: Replacement
  /** The beginning `from` of a Path becomes `to`. */
  readonly path?: Replacement
}

export type Replacement = { readonly from: string; readonly to: string }

export const cookieAttributes = definePolicy<CookieAttributesConfig>({
  kind: 'cookie-attributes',
  create: ({ domain, path }) => ({
    onResponse: (_, { fields }) => {
      for (let at = 0; at < fields.length; at += 2) {
        if (equalsLower(fields[at]!, 'set-cookie')) fields[at + 1] = rewriteCookie(fields[at + 1]!, { domain, path })
      }
    },
  }),
})

type Rules = { readonly domain: Replacement | undefined; readonly path: Replacement | undefined }

function rewriteCookie(cookie: string, { domain, path }: Rules): string {
  const [pair = '', ...attributes] = cookie.split(';')
  const rewritten = attributes.map((attribute) => {
    const [, space = '', name = '', value = ''] = /^(\s*)([^=]*?)\s*=\s*(.*?)\s*$/.exec(attribute) ?? []
    if (domain !== undefined && equalsLower(name, 'domain') && bare(value) === bare(domain.from))
      return `${space}${name}=${domain.to}`
    if (path !== undefined && equalsLower(name, 'path') && value.startsWith(path.from))
      return `${space}${name}=${path.to}${value.slice(path.from.length)}`
    return attribute
  })
  return [pair, ...rewritten].join(';')
}

function bare(domain: string): string {
  return domain.replace(/^\./, '').toLowerCase()
}
