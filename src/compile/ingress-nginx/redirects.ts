/** Annotations that answer requests with redirects, or serve a host under another name. */
import { toAscii } from '#http/authority.ts'
import { appRoot } from '#policy/app-root.ts'
import { redirect } from '#policy/redirect.ts'
import { parseVariables } from '#policy/variables.ts'
import type { PolicySpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readInteger, readMatching, readText, report } from '../setting.ts'

export const redirectNames = [
  'app-root',
  'permanent-redirect',
  'permanent-redirect-code',
  'temporal-redirect',
  'temporal-redirect-code',
  'relative-redirects',
  'from-to-www-redirect',
  'server-alias',
] as const

export type Redirects = {
  readonly appRoot: PolicySpec | undefined
  /** Of every route of the Ingress. */
  readonly policies: readonly PolicySpec[]
  readonly wwwRedirect: boolean
  /** Host names, `*.x` for one label. */
  readonly aliases: readonly string[]
}

export function readRedirects(scope: Scope, relativeByDefault: boolean): Redirects {
  const relative = readBoolean(scope, 'relative-redirects', relativeByDefault)
  const root = readMatching(scope, 'app-root', { test: isPath, expected: 'a path that begins with a slash' })
  const target = readTemporal(scope, relative) ?? readPermanent(scope, relative)
  return {
    appRoot: root === undefined ? undefined : appRoot.spec({ target: root }),
    policies: target === undefined ? [] : [target],
    wwwRedirect: readBoolean(scope, 'from-to-www-redirect', false),
    aliases: readAliases(scope),
  }
}

function readTemporal(scope: Scope, relative: boolean): PolicySpec | undefined {
  const status = readInteger(scope, 'temporal-redirect-code', 302, { min: 300, max: 307 })
  return readLocation(scope, 'temporal-redirect', { status, relative, absolute: true })
}

function readPermanent(scope: Scope, relative: boolean): PolicySpec | undefined {
  const status = readInteger(scope, 'permanent-redirect-code', 301, { min: 300, max: 308 })
  return readLocation(scope, 'permanent-redirect', { status, relative, absolute: false })
}

type Asked = { readonly status: number; readonly relative: boolean; readonly absolute: boolean }

function readLocation(scope: Scope, name: string, { status, relative, absolute }: Asked): PolicySpec | undefined {
  const text = readText(scope, name)
  if (text === undefined) return undefined
  const expected = `a URL that begins with http:// or https://${absolute ? '' : ', or a path that begins with a slash'}`
  const parsed = parseVariables(text)
  if ('unknown' in parsed) {
    report(scope, name, { expected, because: `the unknown variable ${parsed.unknown}`, instead: 'no redirect is made' })
    return undefined
  }
  // A variable in front could make anything of the address.
  if (!isVisible(text) || !(isUrl(text) || (!absolute && isPath(text)))) {
    report(scope, name, { expected, instead: 'no redirect is made' })
    return undefined
  }
  return redirect.spec({ status, location: parsed.text, relative })
}

function readAliases(scope: Scope): readonly string[] {
  const aliases: string[] = []
  for (const written of readText(scope, 'server-alias')
    ?.split(',')
    .map((each) => each.trim()) ?? []) {
    if (written === '') continue
    const host = written.startsWith('~') ? undefined : toAscii(written)
    if (host !== undefined && host !== '') aliases.push(host)
    else
      report(scope, 'server-alias', {
        expected: 'host names, *.x for one label, with commas between',
        because: JSON.stringify(written),
        instead: 'that name is not served; regular expressions for hosts are refused',
      })
  }
  return [...new Set(aliases)]
}

const isVisible = (text: string): boolean => /^[\x21-\x7e]+$/.test(text) && !/["<>\\^`]/.test(text)
const isUrl = (text: string): boolean => /^(?:https?|\$scheme):\/\/[^/?#]/.test(text)
const isPath = (text: string): boolean => isVisible(text) && /^\/(?!\/)/.test(text)
