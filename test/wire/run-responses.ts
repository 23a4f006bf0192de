/** Runs response cases against a front door, many beside each other, each with a host and an endpoint of its own. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Arrival, type ScriptedOrigin, startScriptedOrigin } from '../support/scripted-origin.ts'
import { type Delivery, converse } from '../support/wire-client.ts'
import { requestBytes } from './request-case.ts'
import { type Answer, type ResponseCase, isWhole, judgeResponse } from './response-case.ts'

/** A place to run one case at a time: `host` leads to this endpoint alone. */
export type ResponseSlot = { readonly host: string; readonly origin: ScriptedOrigin }

/** What is sent in excess must show up by then. */
const quietMs = 120
/** Longer than the read timeout that the front door is given. */
const hangMs = 5_000

export function openResponseSlots(count = 10): Promise<readonly ResponseSlot[]> {
  const hosts = Array.from({ length: count }, (_, index) => `origin-${index}.test`)
  return Promise.all(hosts.map(async (host) => ({ host, origin: await startScriptedOrigin() })))
}

/** What is wrong with every case, by id; an empty list where it passes. */
export async function runResponseCases(
  port: number,
  slots: readonly ResponseSlot[],
  cases: readonly ResponseCase[],
  delivery: Delivery,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const faults = new Map<string, readonly string[]>()
  const queue = cases.values()
  await Promise.all(
    slots.map(async (slot) => {
      for (const given of queue) faults.set(given.id, await runCase(port, slot, given, delivery))
    }),
  )
  return faults
}

async function runCase(
  port: number,
  { host, origin }: ResponseSlot,
  given: ResponseCase,
  delivery: Delivery,
): Promise<string[]> {
  origin.play({ bytes: requestBytes(given), delivery, end: given.end })
  // The front door learns only through its sockets that they were cut.
  await pause(25)
  const first = await ask(port, given.method, `/first HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  if (given.end === 'unsolicited') await pause(90)
  const second = await ask(port, 'GET', `/second HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  return judgeResponse(given, { first, second, reused: isReused(origin.arrivals()) })
}

/** Whether the second request came on the connection of the first. */
function isReused(arrivals: readonly Arrival[]): boolean {
  const first = arrivals.find(({ line }) => line.includes(' /first'))
  const second = arrivals.find(({ line }) => line.includes(' /second'))
  return first !== undefined && first.connection === second?.connection
}

async function ask(port: number, method: string, rest: string): Promise<Answer> {
  const startedAt = performance.now()
  return converse(port, Buffer.from(`${method} ${rest}`), { delivery: 'whole' }, ({ received, closed, lastAt }) => {
    const now = performance.now()
    return closed || now - startedAt > hangMs || (isWhole(received, method) && now - lastAt > quietMs)
  })
}
