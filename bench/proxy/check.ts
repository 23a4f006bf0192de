/**
 * Before anything is measured: does this proxy do what the scenario asks of it? A fast wrong answer is no result.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer, Question } from './ask.ts'
import { ask } from './ask.ts'
import type { Origin } from './origin.ts'
import type { Peer, Place } from './peer.ts'
import type { Load, Scenario } from './scenario.ts'
import { handshake, sessionOf } from './handshake.ts'
import { until } from './wait.ts'

export type CheckInit = {
  readonly scenario: Scenario
  readonly peer: Pick<Peer, 'unequal'>
  readonly place: Place
  readonly origin: Origin
  readonly port: number
}

/** Resolves with the session's cookie, if the scenario has sessions; rejects with a sentence that says what is wrong. */
export async function check(init: CheckInit): Promise<{ readonly cookie: string | undefined }> {
  const { scenario, place, origin } = init
  const { setup, load } = scenario
  const hosts = [place.hosts[0]!, place.hosts[place.hosts.length >> 1]!, place.hosts.at(-1)!]
  for (const host of hosts) demandAnswer(await asked(init, { host }), load, origin)
  await demandRefusal(init)
  await demandForwarding(init)
  const cookie = setup.sticky ? await demandSession(init) : undefined
  if (setup.accessLog) await demandLogLine(place)
  if (load.per === 'resumption') await demandResumption(init)
  return { cookie }
}

/** The port that the load goes to. */
export function portOf({ protocol }: Load, { http, https }: Place): number {
  return protocol === 'http' ? http : https
}

function asked(init: CheckInit, change: Partial<Question>): Promise<Answer | undefined> {
  const { load } = init.scenario
  const body = load.method === 'POST' && change.path === undefined ? { body: load.body } : {}
  const method = change.path === undefined ? load.method : 'GET'
  return ask({
    port: init.port,
    host: init.place.hosts[0]!,
    path: load.path,
    protocol: load.protocol,
    method,
    ...body,
    ...change,
  })
}

function demandAnswer(answer: Answer | undefined, load: Load, origin: Origin): void {
  const { small, large, huge, ports, nodePort } = origin
  if (answer?.status !== 200) throw new Error(`it answers ${answer?.status ?? 'nothing'}`)
  const body = [small, large, huge].find(({ length }) => length === load.answerBytes)
  if (body === undefined || !answer.body.equals(body)) throw new Error('its answer is not what the endpoint said')
  if (![...ports, nodePort].map(String).includes(answer.field('x-endpoint') ?? ''))
    throw new Error('a field of the endpoint is missing')
}

async function demandRefusal(init: CheckInit): Promise<void> {
  const answer = await asked(init, { host: 'nobody.elsewhere.test' })
  // Caddy says 200 without a body when no site matches.
  if (answer?.status === 200 && answer.field('x-endpoint') !== undefined)
    throw new Error('it serves hosts that no rule names')
}

async function demandForwarding(init: CheckInit): Promise<void> {
  const [host] = init.place.hosts
  const connections = new Set<string>()
  for (let count = 0; count < 12; count += 1) {
    const echo = String((await asked(init, { path: '/echo' }))?.body ?? '')
    const [seenHost, client, scheme, connection = ''] = echo.split('|')
    if (seenHost !== host) throw new Error(`the endpoint hears of host ${seenHost || 'nothing'} instead of ${host}`)
    if (client !== '127.0.0.1') throw new Error('the endpoint does not hear of the client in X-Forwarded-For')
    if (scheme !== (init.scenario.load.protocol === 'http' ? 'http' : 'https'))
      throw new Error(`the endpoint hears of ${scheme === '' ? 'no scheme' : scheme} in X-Forwarded-Proto`)
    connections.add(connection)
  }
  const opensAnew = connections.size > 6
  if (opensAnew && init.peer.unequal === undefined)
    throw new Error('it opens a connection to the endpoint for every request')
  if (!opensAnew && init.peer.unequal !== undefined) throw new Error('it keeps connections, though it says it does not')
}

async function demandSession(init: CheckInit): Promise<string> {
  const set = (await asked(init, {}))?.field('set-cookie')
  const cookie = set?.split(';')[0]
  if (cookie === undefined) throw new Error('it sets no cookie')
  const endpoints = new Set<string | undefined>()
  for (let count = 0; count < 10; count += 1) endpoints.add((await asked(init, { cookie }))?.field('x-endpoint'))
  if (endpoints.size !== 1) throw new Error('a session is not bound to one endpoint')
  return cookie
}

async function demandResumption({ place, port }: CheckInit): Promise<void> {
  const session = await sessionOf({ port, host: place.hosts[0]! })
  if (session === undefined) throw new Error('it gives no session to resume')
  const { resumed } = await handshake({ port, host: place.hosts[0]!, session })
  if (!resumed) throw new Error('it does not resume sessions')
}

/** The files of all peers that write one: their own, or their standard output. */
function demandLogLine({ dir }: Place): Promise<boolean> {
  const files = ['access.log', 'output.log'].map((name) => join(dir, name))
  return until('a line in the access log', 5_000, () => Promise.resolve(files.some((file) => holds(file, '/small'))))
}

function holds(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8').includes(text)
  } catch {
    return false
  }
}
