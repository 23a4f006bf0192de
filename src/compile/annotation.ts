/**
 * What an annotation dialect is: a prefix and one row for every name it knows. The rows are the single source for what
 * compile does, what `genkan check` says and what docs/annotations.md lists, so the three cannot disagree.
 */

/**
 * `honoured`: it does what it says. `refused`: we never will, because it is configuration text or code, or because
 * something else does it better. `no-effect`: it tunes machinery that does not exist here.
 */
export type Verdict = 'honoured' | 'refused' | 'no-effect'

/**
 * What happens to the Ingress when a row that is not honoured, or whose name has a slip in it, asks for something.
 * `ignored`: it is served without. `closed`: it asked for protection, so its routes answer 503 rather than be served
 * unprotected.
 */
export type Meanwhile = 'ignored' | 'closed'

/** What becomes of snippets where no annotation of their own says it: refused, or interpreted where that is safe. */
export type Snippets = 'none' | 'safe'

/** Objects whose annotations are looked at. */
export type Annotated = 'Ingress' | 'Service' | 'NetworkPolicy'

export type AnnotationRow = {
  /** Without the dialect's prefix. */
  readonly name: string
  readonly verdict: Verdict
  readonly meanwhile: Meanwhile
  /** The values that are understood, for rows that are honoured; empty otherwise. */
  readonly values: string
  /** One sentence for people: what it does here, or what happens instead. */
  readonly note: string
  /** True of values that ask for nothing beyond what happens anyway, such as a feature's `false`: nothing to report. */
  readonly idle: (value: string) => boolean
  /** Finer than `meanwhile` where the value decides; `undefined` keeps `meanwhile`. */
  readonly judge: ((value: string) => Meanwhile) | undefined
  /** Where it counts. */
  readonly on: readonly Annotated[]
  /** For rows that are refused: whether this object's value is understood and done after all. */
  readonly permits?: (value: string, annotations: Readonly<Record<string, string>>, snippets: Snippets) => boolean
  /** What somebody who comes from ingress-nginx may notice; absent where nothing differs. */
  readonly difference?: string
}

export type AnnotationGroup = { readonly title: string; readonly rows: readonly AnnotationRow[] }

export type Dialect = {
  /** With its slash: `genkan.dev/`. */
  readonly prefix: string
  readonly groups: readonly AnnotationGroup[]
  readonly rows: ReadonlyMap<string, AnnotationRow>
}

export function dialect(prefix: string, groups: readonly AnnotationGroup[]): Dialect {
  return { prefix, groups, rows: new Map(groups.flatMap(({ rows }) => rows).map((each) => [each.name, each])) }
}

type Extras = {
  /** In lower case: the values that change nothing. */
  readonly idle?: readonly string[]
  readonly judge?: (value: string) => Meanwhile
  readonly permits?: NonNullable<AnnotationRow['permits']>
}

type HonouredExtras = {
  /** It protects something, so a slip in its name closes the routes. */
  readonly guards?: boolean
  readonly on?: readonly Annotated[]
  readonly difference?: string
}

/** Does what it says; `values` is the grammar with the default in brackets. */
export function honoured(
  name: string,
  values: string,
  note: string,
  { guards = false, on = ['Ingress'], difference }: HonouredExtras = {},
): AnnotationRow {
  const basis: AnnotationRow = {
    name,
    verdict: 'honoured',
    meanwhile: guards ? 'closed' : 'ignored',
    values,
    note,
    idle: () => false,
    judge: undefined,
    on,
  }
  return difference === undefined ? basis : { ...basis, difference }
}

/** Configuration text or code, which is never run. */
export function refused(name: string, note: string, extras: Extras = {}): AnnotationRow {
  return row({ name, verdict: 'refused', meanwhile: 'ignored', note }, extras)
}

/** Protects something, and never will here: the Ingress answers 503. `note` says what to write instead. */
export function never(name: string, note: string, extras: Extras = {}): AnnotationRow {
  return row({ name, verdict: 'refused', meanwhile: 'closed', note }, extras)
}

/** Tunes something that does not exist here. */
export function noEffect(name: string, note: string, extras: Extras = {}): AnnotationRow {
  return row({ name, verdict: 'no-effect', meanwhile: 'ignored', note }, extras)
}

/** The spellings of false that Go's `strconv.ParseBool` takes, which is what Kubernetes controllers use. */
export const off: readonly string[] = ['false', 'f', '0', '']

/** A sentence as the second half of one: `Requests are …` becomes `requests are …`, names keep their capitals. */
export function asClause(sentence: string): string {
  const text = sentence.replace(/\.$/, '')
  return /^[A-Z][a-z]* /.test(text) ? text[0]!.toLowerCase() + text.slice(1) : text
}

function row(
  basis: Pick<AnnotationRow, 'name' | 'verdict' | 'meanwhile' | 'note'>,
  { idle = [''], judge, permits }: Extras,
): AnnotationRow {
  return {
    ...(permits === undefined ? basis : { ...basis, permits }),
    values: '',
    idle: (value) => idle.includes(value.trim().toLowerCase()),
    judge,
    on: ['Ingress'],
  }
}
