/** What openssl agrees on with hosts that choose their cipher suites. */
import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { compile } from '#compile/compile.ts'
import { compileOptions } from '../support/compile-options.ts'
import { type Door, openDoor } from '../support/door.ts'
import { describeLanes } from '../support/lanes.ts'
import { startOrigin } from '../support/origin.ts'
import { resourcesFrom } from '../support/resources.ts'
import { findPart } from './part.ts'

const manifest = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: old
  annotations:
    nginx.ingress.kubernetes.io/ssl-ciphers: ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384
    nginx.ingress.kubernetes.io/ssl-prefer-server-ciphers: "true"
spec:
  rules:
    - {host: old.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}
    - {host: "*.old.test", http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
`

async function openOld(): Promise<Door> {
  const origin = await startOrigin((_request, response) => void response.end('ok'))
  const { serverNames } = compile(resourcesFrom(manifest), compileOptions).snapshot
  return openDoor({ endpoints: [origin.port], snapshot: { serverNames } })
}

/** The suite that s_client says was agreed on; `undefined` where there was none. */
function suiteFor(door: Door, serverName: string, ...more: readonly string[]): Promise<string | undefined> {
  const address = ['-connect', `127.0.0.1:${door.https}`, '-servername', serverName]
  const child = spawn(findPart('openssl'), ['s_client', ...address, ...more], { stdio: ['pipe', 'pipe', 'ignore'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stdin.end()
  return new Promise((resolve) =>
    child.on('close', () => {
      const suite = /Cipher is (\S+)/.exec(said)?.[1]
      resolve(suite === '(NONE)' ? undefined : suite)
    }),
  )
}

const [first, second, usual] = ['AES128-SHA256', 'AES256-SHA384', 'AES128-GCM-SHA256'].map(
  (end) => `ECDHE-ECDSA-${end}`,
)

describeLanes(() => {
  test.each(['old.test', 'x.old.test'])('openssl gets what %s has, in its order', async (host) => {
    const door = await openOld()
    expect(await suiteFor(door, host, '-tls1_2', '-cipher', `${second}:${first}`)).toBe(first)
    expect(await suiteFor(door, host, '-tls1_2', '-cipher', `${usual}:${second}`)).toBe(second)
    expect(await suiteFor(door, host, '-tls1_2', '-cipher', usual!)).toBeUndefined()
    expect(await suiteFor(door, host, '-tls1_3', '-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256')).toBe(
      'TLS_CHACHA20_POLY1305_SHA256',
    )
  })

  test.each(['elsewhere.test', 'y.x.old.test'])('openssl gets nothing of it for %s', async (host) => {
    const door = await openOld()
    expect(await suiteFor(door, host, '-tls1_2', '-cipher', `${second}:${first}`)).toBeUndefined()
    expect(await suiteFor(door, host, '-tls1_2', '-cipher', `${second}:${usual}`)).toBe(usual)
  })
})
