/** The dashboard in a real browser: it draws itself from the API, and nothing of a manifest runs in it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'
import { run } from './part.ts'

const profile = mkdtempSync(join(tmpdir(), 'genkan-browser-'))
afterAll(() => rmSync(profile, { recursive: true, force: true }))

const quiet = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

async function look(url: string, ...words: readonly string[]): Promise<string> {
  return run(
    'chromium',
    ...quiet,
    `--user-data-dir=${profile}`,
    '--virtual-time-budget=3000',
    '--window-size=1200,1400',
    ...words,
    url,
  )
}

describeLanes(() => {
  test('shows routes, backends and problems, and a manifest stays text', async () => {
    const hostile = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: hostile
  annotations: {"nginx.ingress.kubernetes.io/ssl-redirect": "<img src=x onerror=document.title=1>"}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
`
    const { genkan } = await startFrontDoor(`${siteManifests([{ host: 'shop.test', port: 1 }])}\n---\n${hostile}`, {
      admin: { host: '127.0.0.1', port: 0 },
    })
    try {
      const page = await look(`http://127.0.0.1:${genkan.ports.admin}/`, '--dump-dom')
      expect(page).toContain('<title>Genkan</title>')
      expect(page).toMatch(/<code>shop\.test<\/code>/)
      expect(page).toMatch(/id="freshness"[^>]*>live/)
      expect(page).toContain('&lt;img src=x')
      expect(page).not.toMatch(/<img src=x/)
      const shot = join(profile, 'dashboard.png')
      await look(`http://127.0.0.1:${genkan.ports.admin}/`, `--screenshot=${shot}`)
      expect(readFileSync(shot).length).toBeGreaterThan(10_000)
    } finally {
      await genkan.close()
    }
  })
})
