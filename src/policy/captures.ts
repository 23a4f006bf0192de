/** Text with what an expression has captured in it: `$1` to `$9`. */
import { compilePattern } from '#lib/pattern.ts'

/**
 * A path → the template with its captures filled in; groups that took no part are empty. The expression is not asked
 * when nothing of it is used. A path that it does not match gives the template with all captures empty.
 */
export function captureTemplate(pattern: string, template: string, ignoreCase = false): (path: string) => string {
  if (!/\$[1-9]/.test(template)) return () => template
  const compiled = compilePattern(pattern, { ignoreCase })
  if (!compiled.ok) throw new TypeError(`${pattern} is no expression that can be matched: ${compiled.problem}`)
  const { match } = compiled.pattern
  return (path) => {
    const captures = match(path) ?? []
    return template.replace(/\$([1-9])/g, (_, group: string) => captures[Number(group)] ?? '')
  }
}
