/** Every policy this build knows. Adding one is a file of its own and a line here. */
import { hsts } from './hsts.ts'
import { httpsRedirect } from './https-redirect.ts'
import type { Policy } from './policy.ts'

const all: readonly Policy[] = [httpsRedirect, hsts]

export const policies: ReadonlyMap<string, Policy> = new Map(all.map((each) => [each.kind, each]))
