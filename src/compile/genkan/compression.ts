/** Our own annotation about compression of responses. */
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'

export const compression: AnnotationGroup = {
  title: 'Compression',
  rows: [
    honoured(
      'compress',
      '`off`, or a list of `gzip`, `br`, `zstd` with commas between',
      'Responses are compressed for clients that accept one of these; where a client likes several alike, the first counts. Such as `br, gzip`. Levels, lengths and media types are those of the keys `gzip-…` and `brotli-…`, or their defaults.',
    ),
  ],
}
