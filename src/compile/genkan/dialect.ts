/** Our own annotations. */
import { dialect, honoured } from '../annotation.ts'

export const genkan = dialect('genkan.dev/', [
  {
    title: 'Discovery',
    rows: [
      honoured('discovery', 'slices, pods, dns, nodeport, env: one or more, in order, with commas between', 'Where the endpoints of a Service are looked for; the first that has an answer wins. On a Service it counts for that Service, on an Ingress for all its backends; the Service wins.'),
    ],
  },
])
