/** Stapling, from a real responder through the front door to a real client. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'
import { findPart, freePort, run, startPart } from './part.ts'

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'ocsp')

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** A certificate for shop.test that names a responder on that port. */
async function makeCertificate(folder: string, port: number): Promise<{ readonly serial: string }> {
  const file = (name: string): string => join(folder, name)
  const root = ['-CA', join(fixtures, 'root.crt'), '-CAkey', join(fixtures, 'root.key')]
  const leaf = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/O=Shop/CN=shop.test']
  await run('openssl', 'req', '-new', ...leaf, '-keyout', file('leaf.key'), '-out', file('leaf.csr'))
  writeFileSync(
    file('leaf.ext'),
    `authorityInfoAccess=OCSP;URI:http://127.0.0.1:${port}/\nsubjectAltName=DNS:shop.test\n`,
  )
  const serial = '1234567890ABCDEF'
  const signed = ['-in', file('leaf.csr'), ...root, '-set_serial', `0x${serial}`, '-days', '30']
  await run('openssl', 'x509', '-req', ...signed, '-extfile', file('leaf.ext'), '-out', file('leaf.crt'))
  return { serial }
}

/** `state`: V for valid, R for revoked. */
async function startResponder(folder: string, port: number, state: 'V' | 'R', serial: string): Promise<void> {
  const index = join(folder, 'index.txt')
  writeFileSync(
    index,
    `${state}\t401231235959Z\t${state === 'R' ? '250101000000Z' : ''}\t${serial}\tunknown\t/CN=shop\n`,
  )
  const signer = ['-rsigner', join(fixtures, 'delegate.crt'), '-rkey', join(fixtures, 'delegate.key')]
  const words = ['-index', index, '-CA', join(fixtures, 'root.crt'), ...signer, '-port', String(port), '-nmin', '30']
  const responder = await startPart('openssl', ['ocsp', ...words], /waiting for OCSP client connections/i)
  open.push(() => responder.stop())
}

function manifests(folder: string): string {
  const pem = (path: string): string => readFileSync(path, 'utf8')
  const chain = pem(join(folder, 'leaf.crt')) + pem(join(fixtures, 'root.crt'))
  const [certificate, key] = [chain, pem(join(folder, 'leaf.key'))].map((text) => Buffer.from(text).toString('base64'))
  return `
apiVersion: v1
kind: ConfigMap
metadata: {name: controller, namespace: ingress-nginx}
data: {enable-ocsp: "true"}
---
apiVersion: v1
kind: Secret
metadata: {name: shop}
type: kubernetes.io/tls
data: {tls.crt: ${certificate}, tls.key: ${key}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  tls: [{hosts: [shop.test], secretName: shop}]
  rules:
    - {host: shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}}
`
}

/** What s_client says of a handshake, the stapled answer included. */
function status(port: number): Promise<string> {
  const words = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'shop.test', '-status']
  const child = spawn(findPart('openssl'), words, { stdio: ['pipe', 'pipe', 'ignore'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stdin.end()
  return new Promise((resolve) => child.on('close', () => resolve(said)))
}

async function openShop(
  state: 'V' | 'R',
): Promise<{ readonly https: number; readonly metrics: () => Promise<string> }> {
  const folder = mkdtempSync(join(tmpdir(), 'genkan-ocsp-'))
  open.push(() => rmSync(folder, { recursive: true }))
  const port = await freePort()
  const { serial } = await makeCertificate(folder, port)
  await startResponder(folder, port, state, serial)
  const admin = { host: '127.0.0.1', port: 0 }
  const settings = { configMap: 'ingress-nginx/controller', admin }
  const { genkan } = await startFrontDoor(manifests(folder), settings)
  open.push(() => genkan.close())
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${genkan.ports.admin}/metrics`)).text()
  return { https: genkan.ports.https, metrics }
}

describeLanes(() => {
  test('openssl gets the answer of the responder, and believes it', { timeout: 30_000 }, async () => {
    const { https, metrics } = await openShop('V')
    await expect.poll(() => status(https), { timeout: 10_000, interval: 100 }).toMatch(/Cert Status: good/)
    expect(await metrics()).toMatch(/^genkan_ocsp_stapled 1$/m)
  })

  test('openssl gets nothing of a certificate that is revoked', { timeout: 30_000 }, async () => {
    const { https, metrics } = await openShop('R')
    await expect.poll(metrics, { timeout: 10_000, interval: 100 }).toMatch(/^genkan_ocsp_failures_total [1-9]/m)
    expect(await status(https)).toMatch(/OCSP response: no response sent/)
    expect(await metrics()).toMatch(/^genkan_ocsp_stapled 0$/m)
  })
})
