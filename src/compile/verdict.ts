/**
 * What every annotation of an object means for it: nothing that a user wrote is passed over in silence, and nothing that
 * was to protect an Ingress is left out while the Ingress is served.
 */
import { editDistance, nearest } from '#lib/nearest.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { Resource } from '#resource/resource.ts'
import type { Annotated, AnnotationRow, Dialect, Meanwhile, Snippets } from './annotation.ts'
import { asClause } from './annotation.ts'
import { genkan } from './genkan/dialect.ts'
import { ingressNginx } from './ingress-nginx/dialect.ts'

const dialects: readonly Dialect[] = [ingressNginx, genkan]

/** One annotation of one object, judged; for `genkan check`. */
export type AnnotationVerdict = {
  /** The whole key. */
  readonly annotation: string
  readonly verdict: AnnotationRow['verdict'] | 'unknown' | 'foreign'
  readonly meanwhile: Meanwhile
  /** `undefined` when there is nothing to report: honoured, or asking for nothing. */
  readonly problem: Problem | undefined
  /** Its row, where a dialect has one. */
  readonly row?: AnnotationRow
}

/** In the order written. `snippets` are the process's. Annotations that are nobody's business here (tools' notes to themselves) are left out. */
export function judgeAnnotations(resource: Resource, snippets: Snippets = 'none'): readonly AnnotationVerdict[] {
  const verdicts: AnnotationVerdict[] = []
  for (const [annotation, value] of Object.entries(resource.metadata.annotations)) {
    const verdict = judge(resource, { annotation, value, snippets })
    if (verdict !== undefined) verdicts.push(verdict)
  }
  return verdicts
}

type Written = { readonly annotation: string; readonly value: string; readonly snippets: Snippets }

function judge(resource: Resource, { annotation, value, snippets }: Written): AnnotationVerdict | undefined {
  const prefix = annotation.slice(0, annotation.indexOf('/') + 1)
  const dialect = dialects.find((each) => each.prefix === prefix)
  if (dialect === undefined) return judgeForeign(resource, annotation, prefix)
  // On other objects than an Ingress only our own annotations mean something.
  if (resource.kind !== 'Ingress' && dialect !== genkan) return undefined
  const name = annotation.slice(prefix.length)
  const row = dialect.rows.get(name)
  return row === undefined
    ? judgeUnknown(resource, dialect, name)
    : judgeKnown(resource, { annotation, name, value, snippets, row })
}

type Known = Written & { readonly name: string; readonly row: AnnotationRow }

function judgeKnown(
  resource: Resource,
  { annotation, name, value, snippets, row }: Known,
): AnnotationVerdict | undefined {
  if (row.verdict === 'honoured' && !row.on.some((kind) => kind === resource.kind))
    return judgeMisplaced(resource, annotation, row)
  if (row.verdict === 'honoured' || row.idle(value)) {
    return { annotation, verdict: row.verdict, meanwhile: 'ignored', problem: undefined, row }
  }
  if (row.permits?.(value, resource.metadata.annotations, snippets) === true)
    return { annotation, verdict: 'honoured', meanwhile: 'ignored', problem: undefined, row }
  const meanwhile = row.judge?.(value) ?? row.meanwhile
  const say = (init: Omit<ProblemInit, 'at' | 'part'>): AnnotationVerdict => {
    const problem = problemOf(resource, { instead: asClause(row.note), ...init, at: pathOf(annotation), part: 'key' })
    return { annotation, verdict: row.verdict, meanwhile, problem, row }
  }
  if (row.verdict === 'no-effect')
    return say({ severity: 'info', code: 'annotation-no-effect', message: `${name} has no effect here` })
  if (row.judge === undefined) {
    const code = meanwhile === 'closed' ? 'protection-not-honoured' : 'annotation-refused'
    return say({ severity: 'error', code, message: `${name} is refused` })
  }
  const instead =
    meanwhile === 'closed' ? 'it may restrict access, so the routes answer 503' : 'the routes are served without it'
  return say({
    severity: 'error',
    code: 'annotation-refused',
    message: `${name} is refused: nginx configuration text is never run`,
    instead,
  })
}

/** Only our own annotations have a choice of places. */
function judgeMisplaced(
  resource: Resource,
  annotation: string,
  { name, on }: AnnotationRow,
): AnnotationVerdict | undefined {
  const { kind } = resource
  if (kind !== 'Ingress' && kind !== 'Service' && kind !== 'NetworkPolicy') return undefined
  const problem = problemOf(resource, {
    severity: 'warning',
    code: 'misplaced-annotation',
    message: `${name} counts on ${on.map((each) => nouns[each]).join(' or ')}, not on ${nouns[kind]}`,
    instead: 'it is ignored',
    at: pathOf(annotation),
    part: 'key',
  })
  return { annotation, verdict: 'honoured', meanwhile: 'ignored', problem }
}

const nouns = {
  Ingress: 'an Ingress',
  Service: 'a Service',
  NetworkPolicy: 'a NetworkPolicy',
} as const satisfies Record<Annotated, string>

function judgeUnknown(resource: Resource, dialect: Dialect, name: string): AnnotationVerdict {
  const annotation = dialect.prefix + name
  const meant = nearest(name, dialect.rows.keys())
  // A slip in the name of a protection must not take the protection away.
  const guards = (meant !== undefined && dialect.rows.get(meant)?.meanwhile === 'closed') || name.startsWith('auth-')
  const closes = guards && resource.kind === 'Ingress' && dialect === ingressNginx
  const problem = problemOf(resource, {
    severity: closes ? 'error' : 'warning',
    code: 'unknown-annotation',
    message: `there is no annotation ${annotation}`,
    instead:
      (closes ? 'it looks like a protection, so the routes answer 503' : 'it is ignored') +
      (meant === undefined ? '' : `; do you mean ${meant}?`),
    at: pathOf(annotation),
    part: 'key',
  })
  return { annotation, verdict: 'unknown', meanwhile: closes ? 'closed' : 'ignored', problem }
}

type Foreign = { readonly severity: 'warning' | 'info'; readonly says: string }

/** Prefixes of neighbours that people mistake for ours, and what to tell them. */
const foreign: ReadonlyMap<string, Foreign> = new Map([
  ['nginx.org/', { severity: 'warning', says: 'belongs to another product, the NGINX Ingress Controller of F5' }],
  ['nginx.com/', { severity: 'warning', says: 'belongs to another product, the NGINX Ingress Controller of F5' }],
  [
    'ingress.kubernetes.io/',
    { severity: 'warning', says: `is the prefix that ingress-nginx gave up for ${ingressNginx.prefix}` },
  ],
  ['traefik.ingress.kubernetes.io/', { severity: 'warning', says: 'belongs to Traefik' }],
  ['haproxy.org/', { severity: 'warning', says: 'belongs to HAProxy' }],
  ['haproxy-ingress.github.io/', { severity: 'warning', says: 'belongs to HAProxy Ingress' }],
  ['alb.ingress.kubernetes.io/', { severity: 'info', says: 'belongs to the AWS load balancer controller' }],
])

function judgeForeign(resource: Resource, annotation: string, prefix: string): AnnotationVerdict | undefined {
  if (resource.kind !== 'Ingress' || prefix === '') return undefined
  const known = foreign.get(prefix) ?? misspelt(prefix)
  if (known === undefined) return undefined
  const problem = problemOf(resource, {
    severity: known.severity,
    code: 'foreign-annotation',
    message: `${annotation} ${known.says}`,
    instead: 'it is ignored',
    at: pathOf(annotation),
    part: 'key',
  })
  return { annotation, verdict: 'foreign', meanwhile: 'ignored', problem }
}

function misspelt(prefix: string): Foreign | undefined {
  // Only slips of the keyboard: `traefik.ingress.kubernetes.io/` and its like are nearer than a third of the letters.
  const close = dialects.find(
    (each) => Math.abs(each.prefix.length - prefix.length) <= 2 && editDistance(prefix, each.prefix, 3) < 3,
  )
  return close && { severity: 'warning', says: `is no prefix we know; do you mean ${close.prefix}?` }
}

function pathOf(annotation: string): FieldPath {
  return ['metadata', 'annotations', annotation]
}
