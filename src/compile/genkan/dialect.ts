/** Our own annotations. */
import { dialect } from '../annotation.ts'
import { compression } from './compression.ts'
import { ownLimits } from './limits.ts'
import { peers } from './peers.ts'
import { attempts, balancing, bounds, discovery } from './upstream-settings.ts'
import { readiness } from './readiness.ts'
import { snippets } from './snippets.ts'

export const genkanPrefix = 'genkan.dev/'

export const genkan = dialect(genkanPrefix, [
  discovery,
  readiness,
  balancing,
  bounds,
  attempts,
  ownLimits,
  compression,
  peers,
  snippets,
])
