/** What may become of nginx configuration text. */
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import { allowSnippets } from '../allow-snippets.ts'

export const snippets: AnnotationGroup = {
  title: 'Snippets',
  rows: [
    honoured(
      allowSnippets,
      'safe, none (none)',
      '`safe`: `configuration-snippet` and `server-snippet` of this Ingress are interpreted, never run, where all of their statements can be: `add_header`, `more_set_headers`, `more_clear_headers`, `proxy_hide_header`, `proxy_set_header` and `more_set_input_headers` with fixed values, `return` with a redirect or a fixed answer, `if` with nothing but a `return` in it, `rewrite … redirect` and `rewrite … permanent`. Statements that merely decorate are left out and reported; with any other the snippet is refused as without this annotation. Both snippets count for the routes of this Ingress only, but for refusals (`return` with 4xx or 5xx) of `server-snippet`: they count for every route of its hosts.',
    ),
  ],
}
