/**
 * `metadata`, the part that all kinds share.
 */
import type { Decoder, Report } from './decoder.ts'
import {
  bad,
  emptyAsAbsent,
  mapped,
  object,
  optional,
  quote,
  string,
  stringMap,
  stringThat,
  withDefault,
  words,
} from './decoder.ts'
import { dnsLabel, dnsSubdomain, isLabelValue, isQualifiedName } from './name.ts'
import type { Metadata } from './resource.ts'

/** All annotations of an object together, in bytes: the API server's limit. */
const maxAnnotationBytes = 256 * 1024

/** RFC 3339, as milliseconds since the epoch. */
export const timestamp: Decoder<number> = mapped(
  stringThat(
    'a time such as 2026-01-31T12:00:00Z',
    (text) =>
      /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text) &&
      !Number.isNaN(Date.parse(text)),
  ),
  (text) => Date.parse(text),
)

type Written = {
  name: string | undefined
  generateName: string | undefined
  namespace: string | undefined
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
  creationTimestamp: number | undefined
  deletionTimestamp: number | undefined
}

/** `terminating` is whether a deletion has begun; only Pods care. */
export type DecodedMetadata = { readonly metadata: Metadata; readonly terminating: boolean }

const unused = words(`
  resourceVersion uid generation selfLink ownerReferences finalizers managedFields deletionGracePeriodSeconds clusterName
`)

export type Scope = 'namespaced' | 'cluster'

export function metadataOf(scope: Scope, name: Decoder<string> = dnsSubdomain): Decoder<DecodedMetadata> {
  const written = object<Written>(
    {
      name: optional(name),
      generateName: optional(string),
      namespace: emptyAsAbsent(dnsLabel),
      labels: stringMap,
      annotations: stringMap,
      creationTimestamp: optional(timestamp),
      deletionTimestamp: optional(timestamp),
    },
    { unused },
  )
  return mapped(written, (value, report) => finish(value, scope, name.expected, report))
}

/** Labels and annotations of a Pod template, which has no name. */
export const templateMetadata: Decoder<{ readonly labels: Readonly<Record<string, string>> }> = mapped(
  withDefault(
    object(
      { labels: mapped(stringMap, checkLabels), annotations: stringMap },
      { unused: ['name', 'namespace', 'generateName', 'creationTimestamp', ...unused] },
    ),
    { labels: Object.create(null) as Record<string, string>, annotations: {} },
  ),
  ({ labels }) => ({ labels }),
)

function finish(value: Written, scope: Scope, expectedName: string, report: Report): DecodedMetadata | typeof bad {
  const before = report.problems.length
  if (value.name === undefined) {
    const why =
      value.generateName === undefined
        ? 'but the field is missing'
        : 'found only generateName: an object in a file needs a name that stays the same'
    report.error(
      `expected ${expectedName}, ${why}`,
      value.generateName === undefined ? ['name'] : ['generateName'],
      'missing-field',
    )
  }
  report.at('labels', () => checkLabels(value.labels, report))
  report.at('annotations', () => checkAnnotations(value.annotations, report))
  if (scope === 'cluster' && value.namespace !== undefined) {
    report.warn('this kind belongs to no namespace', {
      at: ['namespace'],
      code: 'cluster-scoped',
      instead: 'the namespace is ignored',
    })
  }
  if (value.name === undefined || report.failedSince(before)) return bad
  const { name, labels, annotations, creationTimestamp } = value
  const namespace = scope === 'cluster' ? '' : (value.namespace ?? 'default')
  return {
    metadata: { name, namespace, labels, annotations, creationTimestamp },
    terminating: value.deletionTimestamp !== undefined,
  }
}

function checkLabels(
  labels: Readonly<Record<string, string>>,
  report: Report,
): Readonly<Record<string, string>> | typeof bad {
  let ok = true
  for (const [name, value] of Object.entries(labels)) {
    if (isQualifiedName(name) && isLabelValue(value)) continue
    ok = false
    if (isQualifiedName(name))
      report.error(`expected a label value (at most 63 letters, digits, -, _ and .), found ${quote(value)}`, [name])
    else report.error(`expected a label name such as app or example.com/app, found ${quote(name)}`, [name])
  }
  return ok ? labels : bad
}

function checkAnnotations(annotations: Readonly<Record<string, string>>, report: Report): void {
  let bytes = 0
  for (const [name, value] of Object.entries(annotations)) {
    bytes += name.length + value.length
    if (!isQualifiedName(name.toLowerCase()))
      report.error(`expected an annotation name such as example.com/name, found ${quote(name)}`, [name])
  }
  if (bytes > maxAnnotationBytes)
    report.error(`expected annotations of at most ${maxAnnotationBytes} bytes together, found ${bytes}`)
}
