import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { genkan } from '../support/cli.ts'
import { after } from '../support/closing.ts'
import { siteManifests, startFrontDoor } from '../support/front-door.ts'
import { describeLanes } from '../support/lanes.ts'
import { closedPort, startOrigin } from '../support/origin.ts'

const fine = 'test/fixtures/check/fine'
const mistakes = 'test/fixtures/check/mistakes'
const empty = mkdtempSync(join(tmpdir(), 'genkan-'))

describe('the command line', () => {
  test('lists its commands, each with its operands', async () => {
    const { code, out } = await genkan(['--help'])
    expect(code).toBe(0)
    for (const line of [
      'serve <folder...> ',
      'dev [folder...] ',
      'dns <folder...> ',
      'check <folder...> ',
      'routes <folder...> ',
      'explain <url> [folder...] ',
      'test <scenario...> ',
      'version ',
    ]) {
      expect(out).toContain(`\n  ${line}`)
    }
  })

  test('tells of every flag in groups, with defaults and examples', async () => {
    const { code, out } = await genkan(['serve', '--help'])
    expect(code).toBe(0)
    for (const group of ['Listening', 'Routing', 'Discovery', 'Requests', 'Running', 'Output', 'Limits'])
      expect(out).toContain(`\n${group}:\n`)
    expect(out).toMatch(/--http-port <PORT> +port for HTTP; 0 picks a free one \(default: 80\)\n/)
    expect(out).toMatch(/--limit-header-bytes <SIZE> .*\(default: 32k\)\n/)
    expect(out).toContain('genkan serve manifests --cluster-dns 10.96.0.10')
  })

  for (const [what, args, env, err] of [
    ['an unknown command', ['chek', fine], {}, 'genkan: there is no command chek; do you mean check?\n'],
    ['a flag in front of the command', ['--http-port', '80', 'serve'], {}, 'genkan: flags stand behind the command'],
    ['a command without its folder', ['serve'], {}, 'genkan: serve wants a folder of YAML files, or several\n'],
    ['a missing folder', ['check', 'nowhere', fine], {}, 'genkan: nowhere: there is no such file or folder\n'],
    ['a URL for a folder', ['check', 'https://a.test/'], {}, 'genkan: https://a.test/: this is a URL'],
    ['a flag without its value', ['check', fine, '--output'], {}, 'argument missing'],
    [
      'a wrong variable',
      ['check', fine],
      { GENKAN_COMPAT: 'caddy' },
      'genkan: GENKAN_COMPAT: expected none or ingress-nginx, found "caddy"\n',
    ],
    ['a folder for a URL', ['explain', fine, 'https://a.test/'], {}, 'the URL stands before the folders\n'],
    ['a URL without folders', ['explain', 'https://a.test/'], {}, 'genkan: explain wants the folders, too'],
    [
      'a URL without folders, and no admin address',
      ['explain', 'https://a.test/'],
      { GENKAN_ADMIN: 'off' },
      'genkan: explain wants the folders, too',
    ],
    [
      'folders and a front door that runs',
      ['explain', 'https://a.test/', fine, '--admin', '127.0.0.1:1'],
      {},
      'genkan: explain looks into folders or asks --admin, not both',
    ],
    [
      'an admin address that is none',
      ['explain', 'https://a.test/', '--admin', 'http://a/b'],
      {},
      'genkan: --admin: expected HOST:PORT or a URL',
    ],
    ['no scenario at all', ['test', empty], {}, 'genkan: no *.scenario.yaml below'],
    [
      'a lane that is not there',
      ['test', '--lane', 'quick', 'examples/scenario-tests'],
      {},
      'genkan: --lane: expected general, fast or both, found "quick"\n',
    ],
  ] as const) {
    test(`says what is wrong with ${what}, and exits with 2`, async () => {
      const result = await genkan(args, { env })
      expect(result.out + result.err).toContain(err)
      expect(result.err).not.toContain('    at ')
      expect(result.code).toBe(2)
    })
  }

  test('tells all mistakes of one call at once', async () => {
    const { err } = await genkan(['serve', fine, '--htpp-port', '80', '--drain-timeout', 'soon', '--bind', 'x'])
    expect(err.split('\n').map((line) => line.trim().split(': ').slice(0, 2).join(': '))).toEqual([
      'genkan: --htpp-port',
      '--bind: expected an IP address, such as 127.0.0.1 or ::, found "x"',
      '--drain-timeout: expected a duration such as 250ms, 30s, 5m or 1h30m, 24d at most, found "soon"',
      'see `genkan serve --help`',
      '',
    ])
  })

  test('knows its version', async () => {
    expect((await genkan(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
    const { genkan: version, node } = JSON.parse((await genkan(['version', '--output', 'json'])).out) as Record<
      string,
      string
    >
    expect(version).toMatch(/^\d+\.\d+\.\d+$/)
    expect(node).toBe(process.versions.node)
  })
})

describe('genkan check', () => {
  test('judges the annotations of an Ingress that cannot be read, too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'genkan-'))
    const annotations =
      '{nginx.ingress.kubernetes.io/proxy-body-size: 8m, nginx.ingress.kubernetes.io/server-snippet: x}'
    writeFileSync(
      join(folder, 'old.yaml'),
      `{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: old, annotations: ${annotations}}, spec: {}}`,
    )
    const { code, out } = await genkan(['check', folder])
    expect(code).toBe(1)
    expect(out).toMatch(/^1 document, 0 routes: 1 error\n2 annotations: 1 honoured, 1 refused\n$/m)
  })

  test('names every problem by file, line and column, in order, and exits with 1', async () => {
    const { code, out } = await genkan(['check', mistakes])
    expect(code).toBe(1)
    const lines = out.split('\n')
    expect(lines[0]).toMatch(
      /^test\/fixtures\/check\/mistakes\/shop\.yaml:12:19: error: Ingress default\/shop: .*begins with \//,
    )
    expect(lines[1]).toMatch(
      /^test\/fixtures\/check\/mistakes\/shop\.yaml:26:23: error: Ingress default\/api: .*pathType/,
    )
    expect(lines.slice(2).join('\n')).toMatch(
      /^test\/fixtures\/check\/mistakes\/shop\.yaml:\d+: Ingress default\/\w+: .*: unknown: .*\n\n3 documents, 0 routes: 2 errors\n1 annotation: 1 unknown\n$/,
    )
  })

  test('is content with what is right', async () => {
    expect(await genkan(['check', fine])).toEqual({ code: 0, out: '3 documents, 2 routes: no problem\n', err: '' })
  })

  test('fails for warnings only when told to be strict, and judges annotations', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'genkan-'))
    const ingress = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'a', annotations: { 'nginx.ingress.kubernetes.io/ssl-redirct': 'true' } },
      spec: { rules: [{ host: 'a.test' }] },
    }
    writeFileSync(join(folder, 'a.json'), JSON.stringify(ingress))
    const lax = await genkan(['check', folder])
    expect(lax).toMatchObject({ code: 0, err: '' })
    expect(lax.out).toMatch(/a\.json:1:\d+: warning: Ingress default\/a: .*ssl-redirect/)
    expect(lax.out).toContain('1 annotation: 1 unknown\n')
    expect((await genkan(['check', folder, '--strict'])).code).toBe(1)
  })

  test('prints JSON and Markdown', async () => {
    const json = JSON.parse((await genkan(['check', mistakes, '--output', 'json'])).out) as {
      summary: object
      problems: object[]
    }
    expect(json.summary).toEqual({
      errors: 2,
      warnings: 0,
      infos: 0,
      documents: 3,
      routes: 0,
      annotations: { unknown: 1 },
    })
    expect(json.problems[0]).toMatchObject({
      severity: 'error',
      line: 12,
      column: 19,
      object: 'Ingress default/shop',
      path: 'spec.rules[0].http.paths[0].path',
    })
    const { out } = await genkan(['check', mistakes, '--output', 'markdown'])
    expect(out).toContain(
      '| severity | place | object | field | what |\n| --- | --- | --- | --- | --- |\n| error | test/fixtures/check/mistakes/shop.yaml:12:19 |',
    )
  })
})

describe('genkan routes', () => {
  test('prints the table in the order of trying, with where each route is written', async () => {
    const { code, out } = await genkan(['routes', fine])
    expect(code).toBe(0)
    const rows = out.split('\n').map((line) => line.split(/ {2,}/))
    expect(rows.slice(0, 3)).toEqual([
      ['HOST', 'PATH', 'TYPE', 'BACKEND', 'CERTIFICATE', 'POLICIES', 'WRITTEN IN'],
      ['web.test', '/', 'Exact', 'default/web:80', '-', '-', `${fine}/web.yaml:13 (Ingress default/web)`],
      ['web.test', '/cart', 'Prefix', 'default/web:80', '-', '-', `${fine}/web.yaml:10 (Ingress default/web)`],
    ])
  })

  test('prints JSON', async () => {
    const { routes } = JSON.parse((await genkan(['routes', fine, '--output', 'json'])).out) as {
      routes: { id: string }[]
    }
    expect(routes.map(({ id }) => id)).toEqual(['default/web web.test Exact /', 'default/web web.test Prefix /cart'])
  })

  test('ends with who gets what no rule takes', async () => {
    const args = ['routes', fine, '--default-backend-service', 'default/web']
    const { out } = await genkan(args)
    expect(
      out
        .split('\n')
        .slice(-4, -1)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['*', 'no other route', '-', 'default/web:80', '-', '-', '--default-backend-service (Service default/web)'],
      [''],
      ['2 routes, and one for what none of them takes'],
    ])
    const { unmatched } = JSON.parse((await genkan([...args, '--output', 'json'])).out) as { unmatched: object }
    expect(unmatched).toMatchObject({ id: 'default backend default/web:80', upstream: 'default/web:80' })
  })

  test('points at what an error keeps out', async () => {
    const { code, err } = await genkan(['routes', mistakes])
    expect(code).toBe(0)
    expect(err).toBe(`genkan: 2 errors kept something out of this table; \`genkan check ${mistakes}\` says what\n`)
  })
})

describe('genkan explain', () => {
  test('names the winner, the losers with their reasons, and the endpoints of the folder', async () => {
    const { code, out } = await genkan(['explain', 'http://web.test/cart/1', fine])
    expect(code).toBe(0)
    expect(out).toMatch(/rule +default\/web web\.test Prefix \/cart \(test\/fixtures\/check\/fine\/web\.yaml:10\)/)
    expect(out).toMatch(/not +default\/web web\.test Exact \/ .*: the path is not exactly \//)
    expect(out).toContain('127.0.0.1:1 ready')
    expect(out).toContain('127.0.0.2:1 unready')
  })

  test('takes the Host of a given field, and prints JSON', async () => {
    const { out } = await genkan([
      'explain',
      'http://127.0.0.1/cart',
      fine,
      '--header',
      'host: web.test',
      '--method',
      'POST',
      '--output',
      'json',
    ])
    expect(JSON.parse(out)).toMatchObject({
      method: 'POST',
      host: { routed: 'web.test' },
      winner: { object: 'Ingress default/web' },
    })
  })

  describeLanes(() => {
    test('asks a front door that runs, with the fields of the request', async () => {
      const origin = await startOrigin((_request, response) => response.end())
      const { genkan: door } = await startFrontDoor(siteManifests([{ host: 'web.test', port: origin.port }]), {
        admin: { host: '127.0.0.1', port: 0 },
      })
      after(() => door.close())
      const args = ['--admin', `127.0.0.1:${door.ports.admin}`, '--header', 'host: web.test']
      const { code, out } = await genkan(['explain', 'http://10.0.0.1/cart', ...args])
      expect(code).toBe(0)
      expect(out).toMatch(/rule +default\/site-0 web\.test Prefix \//)
      expect(out).toContain(`127.0.0.1:${origin.port} ready`)
      expect(out).toContain('front door: ready: generation 1 is applied, 1 of 1 workers serve')
      const { out: text } = await genkan(['explain', 'http://10.0.0.1/cart', ...args, '--output', 'json'])
      expect(JSON.parse(text)).toMatchObject({
        generation: 1,
        ready: true,
        host: { routed: 'web.test' },
        backend: { endpoints: [{ id: `127.0.0.1:${origin.port}`, state: 'ready' }] },
      })
    })
  })

  test('says that nobody runs there, or somebody else does', async () => {
    const nobody = await genkan(['explain', 'http://a.test/', '--admin', `127.0.0.1:${await closedPort()}`])
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringMatching(/nobody answers there \(.*ECONNREFUSED/)])
    const other = await startOrigin((_request, response) => response.end('{}'))
    const answer = await genkan(['explain', 'http://a.test/', '--admin', `http://127.0.0.1:${other.port}/`])
    expect([answer.code, answer.err]).toEqual([1, expect.stringContaining('this is no admin address of Genkan')])
  })

  test('says that nobody has the URL', async () => {
    expect((await genkan(['explain', 'http://other.test/', fine])).out).toMatch(/404 \(no_route\)/)
  })
})
