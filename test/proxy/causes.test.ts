import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { failures } from '#proxy/failure.ts'

test('the table of causes in docs/observability.md names every cause, with its status and whose doing it is', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/observability.md'), 'utf8')
  const rows = page.slice(page.indexOf('## Causes')).matchAll(/^\| `(\w+)` \| (\d+|–) \| (\w+) \|/gm)
  const documented = Object.fromEntries(
    [...rows].map(([, cause, status, side]) => [cause, { status: Number(status) || 0, side }]),
  )
  const known = Object.fromEntries(
    Object.entries(failures).map(([cause, { status, side }]) => [cause, { status, side }]),
  )
  expect(documented).toEqual(known)
})
