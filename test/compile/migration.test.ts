import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { JudgedAnnotation } from '#compile/migration.ts'
import { countVerdicts, judgeMigration } from '#compile/migration.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

function judge(annotations: Readonly<Record<string, string>>): readonly JudgedAnnotation[] {
  const path = '{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}'
  const resources = resourcesFrom(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: ${JSON.stringify(annotations)}}
spec: {rules: [{host: a.test, http: {paths: [${path}]}}]}
`)
  const { problems, snippets } = compile(resources, compileOptions)
  return judgeMigration(resources, problems, snippets)
}

const nginx = 'nginx.ingress.kubernetes.io/'

describe('the migration report', () => {
  const cases: [name: string, value: string, verdict: JudgedAnnotation['verdict'], says: RegExp][] = [
    [`${nginx}proxy-body-size`, '8m', 'honoured', /largest request body/],
    [`${nginx}rewrite-target`, '/x', 'differs', /Escapes stay escaped/],
    [`${nginx}proxy-buffering`, 'on', 'no-effect', /streamed/],
    // It asks for nothing, so nothing is missing.
    [`${nginx}proxy-buffering`, 'off', 'honoured', /nothing beyond/],
    [`${nginx}enable-modsecurity`, 'false', 'honoured', /nothing beyond/],
    [`${nginx}enable-modsecurity`, 'true', 'refused', /503/],
    [`${nginx}configuration-snippet`, 'deny all;', 'refused', /never run/],
    [`${nginx}fastcgi-index`, 'index.php', 'refused', /FastCGI is never spoken/],
    [`${nginx}proxy-body-size`, '8x', 'refused', /found "8x"; 1048576 bytes are used/],
    [`${nginx}rewriteTarget`, '/x', 'unknown', /do you mean rewrite-target/],
    ['nginx.org/rewrites', 'x', 'no-effect', /another product/],
    ['genkan.dev/discovery', 'dns', 'honoured', /looked for/],
  ]
  test.each(cases)('%s: %s is %s', (...[name, value, verdict, says]) => {
    const [judged, ...rest] = judge({ [name]: value })
    expect(rest).toEqual([])
    expect(judged).toMatchObject({ object: 'Ingress default/web', annotation: name, verdict, line: 4 })
    expect(judged!.says).toMatch(says)
  })

  test("leaves out what is nobody's business here", () => {
    expect(judge({ 'kubectl.kubernetes.io/last-applied-configuration': '{}', 'cert-manager.io/issuer': 'x' })).toEqual(
      [],
    )
  })

  test('counts verdicts in one order, and only those that occur', () => {
    const judged = judge({
      [`${nginx}wrong`]: '1',
      [`${nginx}rewrite-target`]: '/x',
      [`${nginx}enable-cors`]: 'true',
      [`${nginx}proxy-body-size`]: '1m',
    })
    expect(countVerdicts(judged)).toEqual([
      ['honoured', 1],
      ['differs', 2],
      ['unknown', 1],
    ])
  })
})
