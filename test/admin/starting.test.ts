import { expect, test } from 'vitest'
import type { Batch, Source } from '#source/source.ts'
import { after } from '../support/closing.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { closedPort } from '../support/origin.ts'
import { describeLanes } from '../support/lanes.ts'

/** Says nothing before it is told to. */
function lateSource(): { readonly source: Source; readonly speak: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const nothing: Batch = { resources: [], problems: [], documents: [] }
  const run: Source['run'] = async (emit) => {
    await promise
    emit(nothing)
  }
  return { source: { name: 'late', run, reload: () => {} }, speak: resolve }
}

describeLanes('before the first configuration is applied', () => {
  test('the admin address says alive, and not ready', async () => {
    const { source, speak } = lateSource()
    const port = await closedPort()
    const ask = async (path: string): Promise<string> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      return `${response.status} ${(await response.text()).trim()}`
    }
    const starting = startFrontDoor('', { sources: [source], admin: { host: '127.0.0.1', port }, workers: 2 })
    after(async () => {
      speak()
      await (await starting).genkan.close()
    })
    await expect.poll(() => ask('/healthz').catch(String), { timeout: 5_000 }).toBe('200 ok')
    expect(await ask('/readyz')).toBe('503 starting: the first configuration is not applied yet')
    expect(await ask('/api/v1/explain?url=http://a.test/')).toMatch(/^503 [^]*starting/)
    for (const page of ['overview', 'routes', 'backends', 'problems', 'certificates'])
      expect(await ask(`/api/v1/${page}`)).toMatch(/^200 /)
    expect(await ask('/metrics')).toContain('genkan_config_generation 0')
    speak()
    await starting
    expect(await ask('/readyz')).toMatch(/^200 ready: generation 1 is applied, 2 of 2 workers serve$/)
  })
})

describeLanes('the routes of the admin address', () => {
  test('tell who gets what no rule takes', async () => {
    const port = await closedPort()
    const { genkan } = await startFrontDoor(siteManifests([{ host: 'a.test', port: 1 }]), {
      admin: { host: '127.0.0.1', port },
      defaultBackend: { namespace: 'default', name: 'fallback', port: 80 },
    })
    after(() => genkan.close())
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/routes`)
    expect(await response.json()).toMatchObject({
      routes: [{ host: 'a.test' }],
      unmatched: { host: '*', path: '/', backend: 'default/fallback:80', policies: [] },
    })
  })
})
