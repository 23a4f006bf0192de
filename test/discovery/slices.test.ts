import { describe, expect, test } from 'vitest'
import type { Answer } from '../../src/discovery/answer.ts'
import { answerFromSlices } from '../../src/discovery/slices.ts'
import { flags, folder, ids, slice, webService } from './folder-yaml.ts'
import { upstream } from './house.ts'

const slicesOf = (yaml: string, id = 'shop/web:80'): Answer => answerFromSlices(folder(yaml), upstream(id))
const ports = 'ports: [{ name: http, port: 8080 }, { name: admin, port: 9100 }]'
const webSlice = slice('web-1', `addressType: IPv4\n${ports}\nendpoints: [{ addresses: [10.0.0.1] }]`)

describe('EndpointSlices', () => {
  test.each([
    ['the number of the Service port', '80', '10.0.0.1:8080'],
    ['the name of the Service port', 'http', '10.0.0.1:8080'],
    ['a numeric target port', '9100', '10.0.0.1:9100'],
    ['a named target port', 'web', '10.0.0.1:8080'],
  ])('a route may name %s', (_, port, id) => {
    expect(ids(slicesOf(webService + webSlice, `shop/web:${port}`))).toEqual([id])
  })

  test.each(['82', 'other', '53'])('the port %s, which the Service does not have for TCP, has nobody', (port) => {
    const answer = slicesOf(webService + webSlice, `shop/web:${port}`)
    expect(answer).toMatchObject({ kind: 'answer', state: 'empty', endpoints: [] })
    expect(answer.says).toContain('has no TCP port')
  })

  test('the port of a slice goes by the name of the Service port, and a missing one is named', () => {
    const other = slice(
      'web-2',
      'addressType: IPv4\nports: [{ name: web, port: 8080 }]\nendpoints: [{ addresses: [10.0.0.2] }]',
    )
    const answer = slicesOf(webService + other)
    expect(ids(answer)).toEqual([])
    expect(answer.says).toContain('EndpointSlice web-2 has no port "http" (it has "web"=8080)')
  })

  test.each([
    ['8080', ports],
    ['http', ports],
    ['80', 'ports: [{ port: 8080 }]'],
    ['any', 'ports: [{ name: x, port: 8080 }]'],
  ])('without a Service, port %s is found by name, by number, or as the only one', (port, list) => {
    expect(
      ids(
        slicesOf(
          slice('web-1', `addressType: IPv4\n${list}\nendpoints: [{ addresses: [10.0.0.1] }]`),
          `shop/web:${port}`,
        ),
      ),
    ).toEqual(['10.0.0.1:8080'])
  })

  test('without a Service, a port that could be either of two is nobody', () => {
    expect(ids(slicesOf(webSlice, 'shop/web:80'))).toEqual([])
  })

  test.each(['80', 'http'])('a port for UDP is not ours (port %s)', (port) => {
    const udp = slice(
      'web-1',
      'addressType: IPv4\nports: [{ name: http, port: 80, protocol: UDP }]\nendpoints: [{ addresses: [10.0.0.1] }]',
    )
    expect(ids(slicesOf(udp, `shop/web:${port}`))).toEqual([])
    expect(ids(slicesOf(webService + udp, `shop/web:${port}`))).toEqual([])
  })

  test('several slices are one set, without duplicates, sorted', () => {
    const more = slice(
      'web-2',
      `addressType: IPv4\n${ports}\nendpoints: [{ addresses: [10.0.0.1] }, { addresses: [10.0.0.0] }]`,
    )
    expect(ids(slicesOf(webService + webSlice + more))).toEqual(['10.0.0.0:8080', '10.0.0.1:8080'])
  })

  test('slices of other Services and namespaces do not count', () => {
    const answer = slicesOf(
      webSlice.replace('service-name: web', 'service-name: api') +
        webSlice.replace('namespace: shop', 'namespace: other'),
    )
    expect(answer.kind).toBe('none')
  })

  test('conditions that are left out are ready, serving, not terminating', () => {
    const endpoints = [
      '{ addresses: [10.0.0.1] }',
      '{ addresses: [10.0.0.2], conditions: { ready: false } }',
      '{ addresses: [10.0.0.3], conditions: { ready: false, serving: true, terminating: true } }',
      '{ addresses: [10.0.0.4], conditions: { terminating: true } }',
      '{ addresses: [10.0.0.5], conditions: { ready: true, serving: false } }',
    ]
    const yaml = slice('web-1', `addressType: IPv4\n${ports}\nendpoints: [${endpoints.join(', ')}]`)
    expect(flags(slicesOf(webService + yaml))).toEqual({
      '10.0.0.1:8080': 'rs',
      '10.0.0.2:8080': '',
      '10.0.0.3:8080': 'st',
      '10.0.0.4:8080': 'st',
      '10.0.0.5:8080': 'r',
    })
  })

  test('a Service that publishes unready addresses has all of them ready', () => {
    const yaml = slice(
      'web-1',
      `addressType: IPv4\n${ports}\nendpoints: [{ addresses: [10.0.0.2], conditions: { ready: false } }]`,
    )
    expect(
      flags(slicesOf(webService.replace('{ selector', '{ publishNotReadyAddresses: true, selector') + yaml)),
    ).toEqual({ '10.0.0.2:8080': 'rs' })
  })

  test("a Pod with an address of each family is one endpoint, of the Service's first family", () => {
    const four = slice(
      'web-4',
      `addressType: IPv4\n${ports}\nendpoints: [{ addresses: [10.0.0.1], targetRef: { kind: Pod, name: a, namespace: shop } }]`,
    )
    const six = slice(
      'web-6',
      `addressType: IPv6\n${ports}\nendpoints: [{ addresses: ["fd00::1"], targetRef: { kind: Pod, name: a, namespace: shop } }, { addresses: ["fd00::2"], targetRef: { kind: Pod, name: b, namespace: shop } }]`,
    )
    expect(ids(slicesOf(webService + six + four))).toEqual(['10.0.0.1:8080', '[fd00::2]:8080'])
    const sixFirst = webService.replace(
      '{ selector',
      '{ clusterIP: "fd00:1::1", clusterIPs: ["fd00:1::1", 10.96.0.1], selector',
    )
    expect(ids(slicesOf(sixFirst + four + six))).toEqual(['[fd00::1]:8080', '[fd00::2]:8080'])
  })

  test('slices that name nobody are an answer', () => {
    expect(slicesOf(webService + slice('web-1', `addressType: IPv4\n${ports}\nendpoints: []`))).toMatchObject({
      kind: 'answer',
      state: 'empty',
      yields: false,
    })
  })

  test('slices of names are reported as not supported', () => {
    const answer = slicesOf(
      webService +
        webSlice +
        slice('web-2', `addressType: FQDN\n${ports}\nendpoints: [{ addresses: [a.example.test] }]`),
    )
    expect(ids(answer)).toEqual(['10.0.0.1:8080'])
    expect(answer.says).toContain('EndpointSlice web-2 lists names, which is not supported')
  })

  test('node, zone and Pod go along', () => {
    const yaml = slice(
      'web-1',
      `addressType: IPv4\n${ports}\nendpoints: [{ addresses: [10.0.0.1], nodeName: n1, zone: z1, targetRef: { kind: Pod, name: a, namespace: shop } }]`,
    )
    expect(slicesOf(webService + yaml)).toMatchObject({
      endpoints: [{ node: 'n1', zone: 'z1', name: 'Pod shop/a', priority: 0, weight: 1 }],
    })
  })
})

describe('Endpoints objects', () => {
  const endpoints = `
---
apiVersion: v1
kind: Endpoints
metadata: { name: web, namespace: shop }
subsets:
  - addresses: [{ ip: 10.0.0.1 }]
    notReadyAddresses: [{ ip: 10.0.0.2 }]
    ports: [{ name: http, port: 8080 }]
  - addresses: [{ ip: 10.0.0.3 }]
    ports: [{ name: http, port: 8090 }]
`
  test('every subset goes with its own port, unready addresses are unready', () => {
    expect(flags(slicesOf(webService + endpoints))).toEqual({
      '10.0.0.1:8080': 'rs',
      '10.0.0.2:8080': '',
      '10.0.0.3:8090': 'rs',
    })
  })

  test('they are ignored where there are slices', () => {
    expect(
      ids(
        slicesOf(
          webService +
            endpoints +
            slice('web-1', `addressType: IPv4\n${ports}\nendpoints: [{ addresses: [10.0.0.9] }]`),
        ),
      ),
    ).toEqual(['10.0.0.9:8080'])
  })
})
