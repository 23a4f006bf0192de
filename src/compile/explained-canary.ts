/**
 * What a canary would do with one request: the first of its rules that decides, and where none does, the odds.
 */
import { all, get } from '#http/fields.ts'
import { compilePattern } from '#lib/pattern.ts'
import type { CanarySpec, RouteSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import type { CanaryView } from './explanation.ts'

/** `affinity` is that of the main upstream, `fields` those of the request as a flat list. */
export function canaryView(
  { upstream, origin, ...rules }: CanarySpec,
  { affinity, fields }: { readonly affinity: UpstreamSpec['affinity']; readonly fields: readonly string[] },
): CanaryView {
  const { object, file, line } = origin
  const { share, because } = decide(rules, fields)
  const session =
    rules.affinity === 'sticky' && affinity?.kind === 'cookie' && cookieOf(fields, affinity.cookieName) !== undefined
  const unless = session
    ? `; unless the cookie ${affinity.cookieName} belongs to a session, which stays where it is`
    : ''
  return { upstream, object, file, line, share, because: because + unless }
}

/** `always to …`, `never to …`, `10 % to …`: for people. */
export function describeShare({ share, upstream }: CanaryView): string {
  if (share === 1) return `always to ${upstream}`
  return share === 0 ? `never to ${upstream}` : `${Number((share * 100).toPrecision(3))} % to ${upstream}`
}

type Decision = { readonly share: number; readonly because: string }

function decide(
  rules: Pick<RouteSpec['canary'] & object, 'header' | 'cookie' | 'weight' | 'total'>,
  fields: readonly string[],
): Decision {
  const { header, cookie, weight, total } = rules
  const value = header && get(fields, header.name)
  if (header !== undefined && value !== undefined) {
    const decision = byHeader(header, value)
    if (decision !== undefined) return decision
  }
  const crumb = cookie === undefined ? undefined : cookieOf(fields, cookie)
  if (crumb === 'always') return { share: 1, because: `the cookie ${cookie} says always` }
  if (crumb === 'never') return { share: 0, because: `the cookie ${cookie} says never` }
  const others = [
    ...(header === undefined ? [] : [`the field ${header.name}`]),
    ...(cookie === undefined ? [] : [`the cookie ${cookie}`]),
  ]
  const silent =
    others.length === 0 ? '' : `${others.join(' and ')} ${others.length === 1 ? 'decides' : 'decide'} nothing, and `
  return { share: Math.min(weight, total) / total, because: `${silent}the weight is ${weight} of ${total}` }
}

function byHeader(
  { name, value: wanted, pattern }: NonNullable<CanarySpec['header']>,
  value: string,
): Decision | undefined {
  if (wanted !== undefined)
    return value === wanted ? { share: 1, because: `the field ${name} is ${JSON.stringify(wanted)}` } : undefined
  if (pattern !== undefined) {
    const compiled = compilePattern(pattern)
    return compiled.ok && compiled.pattern.test(value)
      ? { share: 1, because: `the field ${name} matches ${pattern}` }
      : undefined
  }
  if (value === 'always') return { share: 1, because: `the field ${name} says always` }
  return value === 'never' ? { share: 0, because: `the field ${name} says never` } : undefined
}

function cookieOf(fields: readonly string[], name: string): string | undefined {
  const pairs = all(fields, 'cookie').flatMap((value) => value.split(';'))
  const found = pairs.map((pair) => pair.trim()).find((pair) => pair.startsWith(`${name}=`))
  return found?.slice(name.length + 1)
}
