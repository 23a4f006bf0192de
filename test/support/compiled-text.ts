import type { Compiled } from '../../src/compile/compile.ts'
import { printSnapshot } from '../../src/snapshot/print.ts'

/** Everything of a compile result but its problems, for records that people compare. */
export function printCompiled({ snapshot, statuses, shadowed, foreign, unreachable }: Compiled): string {
  const lines = [
    ...statuses.map(
      (each) => `status ${each.object} ${each.state} ${each.routes}${each.reason === '' ? '' : `: ${each.reason}`}`,
    ),
    ...shadowed.map((each) => `shadowed ${each.id} (line ${each.origin.line}) by ${each.winner}: ${each.reason}`),
    ...unreachable.map((each) => `unreachable ${each.route}: ${each.reason}`),
    ...foreign.map((each) => `foreign ${each.origin.object} ${each.host}: ${each.reason}`),
  ]
  return `${printSnapshot(snapshot)}\n${lines.map((line) => `${line}\n`).join('')}`
}
