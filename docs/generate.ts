/**
 * Writes docs/annotations.md from the tables that compile goes by: `node docs/generate.ts`. A test fails while the page
 * says anything else.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AnnotationGroup, AnnotationRow } from '../src/compile/annotation.ts'
import { genkan } from '../src/compile/genkan/dialect.ts'
import { configMapKeys } from '../src/compile/ingress-nginx/config-map.ts'
import { ingressNginx } from '../src/compile/ingress-nginx/dialect.ts'

/** The whole page. */
export function annotationsPage(): string {
  const counts = countOf([...ingressNginx.rows.values()])
  return `# Annotations

<!-- Written by docs/generate.ts from src/compile; edit the tables there. -->

Genkan reads annotations with the prefix \`${genkan.prefix}\` (its own) and \`${ingressNginx.prefix}\` (the dialect of
ingress-nginx). \`genkan check FOLDER\` says for every annotation of every Ingress, with file, line and column, what is
done about it. Nothing is passed over in silence:

| what Genkan says | what it means |
|---|---|
| **honoured** | It does what it says. A value that cannot be read is a warning, and the default is used. |
| **honoured, differs** | The same, and somebody who comes from ingress-nginx may notice a difference, which the note names. |
| **refused** | It will never be done: configuration text or code, or something that another annotation does better, which the note names. The safe part of snippets can be had, see below. |
| **refused: 503** | The same for a protection: every route of the Ingress answers 503, and \`genkan check\` reports an error. An Ingress is never served without a protection it asks for. |
| **no effect** | It tunes machinery that does not exist here. Nothing to do. |

Values that ask for nothing, such as \`enable-cors: "false"\` or \`limit-rps: "0"\`, are not reported. A name that does not
exist is a warning with the nearest name that does; where that nearest name is a protection, or the unknown name begins
with \`auth-\`, the routes answer 503, for a slip of the keyboard must not open a door. A key of the global ConfigMap that is one or two
letters away from a protection closes every route.

Other objects' annotations are not looked at, except \`${genkan.prefix}\` on Services.

## Snippets

\`configuration-snippet\` and \`server-snippet\` are nginx configuration text and are never run. When every directive in
them merely decorates (response fields, buffers, compression, logs, timeouts), the Ingress is served without them and an
error is reported. When any other directive occurs, or the text cannot be read, the snippet may restrict access, and the
routes answer 503. Either way \`genkan check\` explains every statement and names what does the same.

With \`genkan.dev/allow-snippets: safe\` on the Ingress, statements that set fixed fields or redirect are interpreted;
[rewrites.md](rewrites.md#snippets) lists them.

## Regular expressions

Paths of an Ingress with \`use-regex: "true"\` or \`rewrite-target\` are regular expressions; [rewrites.md](rewrites.md)
says how they are matched. One that cannot be matched in bounded time is refused: its literal beginning (\`/api\` of
\`/api/(?!admin).*\`) answers 503 unless a plain rule has the same path, so that a request never reaches a backend it was
not meant for. If the Ingress asks for a protection as well, everything the expression could match is closed.

## Genkan's own annotations

${genkan.groups.map(table).join('\n')}
## The dialect of ingress-nginx

All ${ingressNginx.rows.size} names: ${counts}.

${ingressNginx.groups.map((group) => `### ${group.title}\n\n${table(group)}`).join('\n')}
## The global ConfigMap of ingress-nginx

Read when \`--config-map NAMESPACE/NAME\` says which. An annotation counts before a key.

${table(configMapKeys)}`
}

function table({ rows }: AnnotationGroup): string {
  return `| name | today | values (default) | note |\n|---|---|---|---|\n${rows.map(line).join('')}`
}

function line(row: AnnotationRow): string {
  const note = row.difference === undefined ? row.note : `${row.note} **Differs:** ${row.difference}`
  return `| \`${row.name}\` | ${label(row)} | ${row.values.replaceAll('|', '\\|')} | ${note} |\n`
}

function label({ verdict, meanwhile, judge, difference }: AnnotationRow): string {
  if (verdict === 'honoured') return difference === undefined ? '**honoured**' : '**honoured**, differs'
  if (verdict === 'no-effect') return 'no effect'
  if (judge !== undefined) return 'refused, may be 503'
  return { ignored: 'refused', closed: 'refused: 503' }[meanwhile]
}

function countOf(rows: readonly AnnotationRow[]): string {
  const words = { honoured: 'honoured', refused: 'refused', 'no-effect': 'without effect' } as const
  return Object.entries(words)
    .map(([verdict, word]) => `${rows.filter((row) => row.verdict === verdict).length} ${word}`)
    .join(', ')
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'annotations.md'), annotationsPage())
