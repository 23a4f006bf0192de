/**
 * One request step: sent as often as asked, each answer with the stand-in behind it.
 */
import { resolve } from 'node:path'
import { CookieJar, type CookieScope } from './cookie-jar.ts'
import { type ClientResponse, sendRequest } from './client.ts'
import type { Outcome, ReceivedRequest } from './compare.ts'
import { fieldOf, fieldsOf } from './response-reader.ts'
import type { RequestStep } from './scenario.ts'
import { type Arrival, standInField, toReceived } from './stub-fleet.ts'

export type SendInit = {
  readonly ports: { readonly http: number; readonly https: number }
  /** Where the scenario is: files it names are relative to it. */
  readonly folder: string
  readonly jars: Map<string, CookieJar>
  /** Grows as requests reach stand-ins; emptied and taken from here. */
  readonly arrivals: Arrival[]
}

/** Longer than any default timeout of the front door, so that its own answer is what comes. */
const timeoutMs = 90_000

/** In the order in which they were begun. */
export async function sendAll(step: RequestStep, init: SendInit): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  init.arrivals.length = 0
  let next = 0
  const send = async (): Promise<void> => {
    for (let index = next++; index < step.times; index = next++) outcomes[index] = await sendOne(step, init)
  }
  await Promise.all(Array.from({ length: Math.min(step.concurrency, step.times) }, send))
  return outcomes
}

async function sendOne(step: RequestStep, { ports, folder, jars, arrivals }: SendInit): Promise<Outcome> {
  const { scheme, method, target, body, http, from, clientCertificate, proxyProtocol } = step
  const serverName = step.authority.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')
  const scope: CookieScope = {
    host: serverName.toLowerCase(),
    path: target.split('?')[0]!,
    isSecure: scheme === 'https',
    now: Date.now(),
  }
  const jar = step.jar === undefined ? undefined : takeJar(jars, step.jar)
  const fields = fieldsToSend(step, jar?.header(scope))
  const isAlone = step.concurrency === 1 || step.times === 1
  if (isAlone) arrivals.length = 0
  const raw = await sendRequest({
    scheme,
    port: ports[scheme],
    method,
    target,
    serverName: step.serverName ?? serverName,
    clientCertificate: clientCertificate === undefined ? undefined : resolve(folder, clientCertificate),
    proxyProtocol,
    fields,
    body,
    http,
    from,
    timeoutMs,
  })
  jar?.keep(fieldsOf(raw.fields, 'set-cookie'), scope)
  const arrived = isAlone ? arrivals.at(-1) : undefined
  const answered = whoAnswered(raw, arrived, arrivals)
  const received = arrived?.received ?? answered?.received
  return {
    response: { ...raw, fields: presentPorts(withoutMark(raw.fields), ports) },
    answeredBy: answered,
    received: received === undefined ? undefined : { ...received, headers: presentHeaders(received.headers, ports) },
  }
}

function takeJar(jars: Map<string, CookieJar>, name: string): CookieJar {
  const jar = jars.get(name) ?? new CookieJar()
  jars.set(name, jar)
  return jar
}

/** Host first, as RFC 9112 section 3.2 asks; what the scenario writes itself takes the place of what we would. */
function fieldsToSend({ headers, authority, body, http }: RequestStep, cookie: string | undefined): string[] {
  const has = (name: string): boolean => headers.some(([each]) => each.toLowerCase() === name)
  const fields = has('host') ? [] : ['host', authority]
  fields.push(...headers.flat())
  const needsLength =
    body !== '' && http === '1.1' && !has('content-length') && !has('transfer-encoding') && !has('upgrade')
  if (needsLength) fields.push('content-length', String(Buffer.byteLength(body)))
  if (cookie !== undefined && !has('cookie')) fields.push('cookie', cookie)
  return fields
}

/**
 * Fixed replies to concurrent requests do not tell whom they come from. Each takes one arrival for itself: how often
 * each endpoint answered comes out right, which is what scenarios ask of many requests.
 */
function claim(arrivals: Arrival[], backend: string): Arrival | undefined {
  const index = arrivals.findIndex((each) => each.backend === backend)
  return index === -1 ? undefined : arrivals.splice(index, 1)[0]
}

type Answerer = { readonly backend: string; readonly endpoint: string; readonly received: ReceivedRequest | undefined }

/** A mark, an echo, or else the request that arrived last; a failure's cause says that none of them counts. */
function whoAnswered(
  { status, fields, body }: ClientResponse,
  arrived: Arrival | undefined,
  arrivals: Arrival[],
): Answerer | undefined {
  if (status === 0 || fieldOf(fields, 'x-genkan-cause') !== undefined) return undefined
  const marked = fieldOf(fields, standInField)
  if (marked !== undefined) return arrived ?? claim(arrivals, marked)
  return readEcho(body) ?? arrived
}

function readEcho(body: string): Answerer | undefined {
  if (!body.startsWith('{') || !body.includes('"namespace"')) return undefined
  try {
    const echo = JSON.parse(body) as Record<string, unknown>
    const { namespace, service, port, endpoint, method, target, headers } = echo
    if (
      typeof namespace !== 'string' ||
      typeof service !== 'string' ||
      typeof method !== 'string' ||
      typeof headers !== 'object'
    )
      return undefined
    // A stand-in wrote it (cluster/stand-in-answer.ts), and it has told us the rest of the shape as well.
    const received = toReceived({
      method,
      target: String(target),
      headers: headers as Record<string, string>,
      body: String(echo['body']),
    })
    return { backend: `${namespace}/${service}:${String(port)}`, endpoint: String(endpoint), received }
  } catch {
    return undefined
  }
}

function withoutMark(fields: readonly string[]): string[] {
  return fields.filter((_, index) => fields[index - (index % 2)]!.toLowerCase() !== standInField)
}

/** A scenario is written for 80 and 443: where the free ports show, it sees those. */
function presentPorts(fields: readonly string[], ports: SendInit['ports']): string[] {
  return fields.map((value, index) =>
    index % 2 === 1 && fields[index - 1]!.toLowerCase() === 'location' ? presentUrl(value, ports) : value,
  )
}

function presentHeaders(headers: Readonly<Record<string, string>>, ports: SendInit['ports']): Record<string, string> {
  const present = Object.entries(headers).map(([name, value]) => {
    if (name === 'x-forwarded-port')
      return [
        name,
        value.replace(new RegExp(`\\b${ports.https}\\b`), '443').replace(new RegExp(`\\b${ports.http}\\b`), '80'),
      ]
    return [name, value]
  })
  return Object.fromEntries(present)
}

function presentUrl(url: string, { http, https }: SendInit['ports']): string {
  return url
    .replace(new RegExp(`^(https://[^/]*):${https}(?=/|$|\\?)`), '$1')
    .replace(new RegExp(`^(http://[^/]*):${http}(?=/|$|\\?)`), '$1')
}
