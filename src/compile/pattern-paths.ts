/**
 * Paths that are regular expressions, and how far that reaches: by default to the paths of the Ingress that says so,
 * with `--compat ingress-nginx` to all paths of its hosts, whoever wrote them.
 */
import { toAscii } from '#http/authority.ts'
import type { Ingress, IngressPath } from '#resource/resource.ts'
import { hasPattern } from './ingress-nginx/pattern.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'
import type { Rewriting } from './ingress-nginx/rewriting.ts'
import { isPattern, readRewriting } from './ingress-nginx/rewriting.ts'
import { annotationScope } from './setting.ts'

/** Hosts all of whose paths are expressions. */
export function patternHosts(ingresses: readonly Ingress[], compat: 'none' | 'ingress-nginx'): ReadonlySet<string> {
  const hosts = new Set<string>()
  if (compat === 'none') return hosts
  for (const ingress of ingresses) {
    // What is wrong with the values is reported where they are read for the routes.
    const rewriting = readRewriting(annotationScope(ingress, ingressNginx.prefix, []))
    for (const rule of ingress.spec.rules) {
      const host = rule.host === '' ? '' : toAscii(rule.host)
      if (host !== undefined && rule.paths.some(({ path }) => isPattern(rewriting, path))) hosts.add(host)
    }
  }
  return hosts
}

/** Whether a path is an expression. An Exact path without any special character stays what it is. */
export function patternTest(rewriting: Rewriting, hosts: ReadonlySet<string>): (host: string, path: IngressPath) => boolean {
  return (host, path) => {
    if (hosts.has(host)) return true
    return isPattern(rewriting, path.path) && (path.pathType !== 'Exact' || hasPattern(path.path))
  }
}
