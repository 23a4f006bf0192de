import { describe, expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import type { Compiled } from '#compile/compile.ts'
import { withCertificates } from '../support/certificate-files.ts'
import { compileOptions } from '../support/compile-options.ts'
import { resourcesFrom } from '../support/resources.ts'

/** The certificate covers `shop.test` and `*.shop.test`. */
function compiled(host: string, annotations: Readonly<Record<string, string>>): Compiled {
  const named = Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [`nginx.ingress.kubernetes.io/${name}`, value]),
  )
  return compile(
    resourcesFrom(
      withCertificates(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: ${JSON.stringify(named)}}
spec:
  tls: [{hosts: ["${host}"], secretName: shop}]
  rules: [{host: "${host}", http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
{apiVersion: v1, kind: Secret, metadata: {name: shop}, type: kubernetes.io/tls, data: {tls.crt: "@shop.crt", tls.key: "@shop.key"}}
`),
    ),
    compileOptions,
  )
}

const hosts = ({ snapshot }: Compiled): string[] => snapshot.tlsHosts.map(({ host }) => host)
const kinds = ({ snapshot }: Compiled, host: string): string[] | undefined =>
  snapshot.routes.find((route) => route.host === host)?.policies.map(({ kind }) => kind)

describe('another name of a host', () => {
  test('has its certificate, its redirect to https and HSTS where the certificate covers it', () => {
    const result = compiled('shop.test', { 'server-alias': 'a.shop.test, other.test' })
    expect(hosts(result)).toEqual(['a.shop.test', 'shop.test'])
    expect(kinds(result, 'a.shop.test')).toEqual(['https-redirect', 'hsts'])
    expect(kinds(result, 'other.test')).toEqual([])
    expect(result.snapshot.routes.map(({ upstream }) => upstream)).toEqual(
      Array.from({ length: 3 }, () => 'default/web:80'),
    )
    expect(result.statuses[0]).toMatchObject({ state: 'served', routes: 3 })
  })
})

describe('the www counterpart', () => {
  test('has the certificate where that covers it, and is no backend that is missing', () => {
    const result = compiled('shop.test', { 'from-to-www-redirect': 'true' })
    expect(hosts(result)).toEqual(['shop.test', 'www.shop.test'])
    expect(kinds(result, 'www.shop.test')?.[0]).toBe('host-redirect')
    expect(result.unreachable).toEqual([])
    expect(result.statuses[0]).toMatchObject({ state: 'served', routes: 2 })
  })

  test.each(['*.shop.test', 'www.test'])('does not exist of %s without a name', (host) => {
    const { snapshot } = compiled(host, { 'from-to-www-redirect': 'true' })
    expect(snapshot.routes.map((route) => route.host)).not.toContain('www.*.shop.test')
    expect(snapshot.routes.map((route) => route.host)).not.toContain('test')
  })
})
