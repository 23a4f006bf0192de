import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { genkan } from '../support/cli.ts'

const folder = 'test/fixtures/scenario'
const differs = `${folder}/differs.scenario.yaml`

describe('genkan test', () => {
  test('runs every part of the format against the real front door', async () => {
    const { code, out } = await genkan(['test', `${folder}/everything.scenario.yaml`, '--lane', 'general'])
    expect(out).toBe(
      `✓ ${folder}/everything.scenario.yaml: every part of the format that the general suite has no use for [general]\n\n1 scenario, 17 steps (lanes: general): 1 held\n`,
    )
    expect(code).toBe(0)
  })

  test('prints what differs with the line of the expectation, goes on with the next step, and exits with 1', async () => {
    const { code, out } = await genkan(['test', differs, '--lane', 'general'])
    expect(code).toBe(1)
    expect(out).toContain(
      `✗ ${differs}: most expectations here are wrong on purpose [general]\n  ${differs}:14: GET http://web.test/cart?id=1\n    ${differs}:17\n      expected status 404\n      found    status 200\n`,
    )
    expect(out).toContain(
      `    ${differs}:18\n      expected backend default/other:80\n      found    backend default/web:80\n`,
    )
    expect(out).toContain(
      `    ${differs}:20\n      expected upstream target "/cart?id=2"\n      found    upstream target "/cart?id=1"\n`,
    )
    expect(out).toContain(
      `    ${differs}:24\n      expected an object Ingress default/wbe\n      found    Ingress default/web\n`,
    )
    expect(out).toContain(`    ${differs}:25\n      expected error: /no such thing/\n`)
    expect(out).not.toContain(`${differs}:22`)
    expect(out).toContain('1 scenario, 4 steps (lanes: general): 0 held, 1 failed\n')
  })

  test('prints one result per step as JSON', async () => {
    const { code, out } = await genkan(['test', differs, '--lane', 'general', '--output', 'json'])
    expect(code).toBe(1)
    const results = JSON.parse(out) as { line: number; ok: boolean; lane: string; differences: object[] }[]
    expect(results.map(({ line, ok, lane }) => [line, ok, lane])).toEqual([
      [14, false, 'general'],
      [22, true, 'general'],
      [24, false, 'general'],
      [25, false, 'general'],
    ])
    expect(results[0]!.differences[0]).toEqual({ line: 17, expected: 'status 404', found: 'status 200' })
  })

  test('names what makes a file no scenario, still runs the others, and exits with 2', async () => {
    const below = mkdtempSync(join(tmpdir(), 'genkan-'))
    writeFileSync(join(below, 'a.scenario.yaml'), 'name: a\nmanifests: ""\nstep: []\n')
    writeFileSync(join(below, 'b.scenario.yaml'), 'name: b\nfiles: [nowhere]\nsteps: []\n')
    writeFileSync(
      join(below, 'c.scenario.yaml'),
      'name: c\nmanifests: ""\nsteps: [{request: GET http://a.test/, expect: {status: 404}}]\n',
    )
    writeFileSync(join(below, 'd.yaml'), 'kind: Ingress\n')
    const { code, out } = await genkan(['test', below])
    expect(code).toBe(2)
    expect(out).toContain(`✗ ${below}/a.scenario.yaml: this is no scenario\n`)
    expect(out).toContain(`    ${below}/a.scenario.yaml:3:1: a scenario has no key step; do you mean steps?`)
    expect(out).toContain(`✗ ${below}/b.scenario.yaml: this is no scenario\n`)
    expect(out).toContain(`✓ ${below}/c.scenario.yaml: c [general]\n`)
    expect(out).toContain(`✓ ${below}/c.scenario.yaml: c [fast]\n`)
    expect(out).not.toContain('d.yaml')
  })
})
