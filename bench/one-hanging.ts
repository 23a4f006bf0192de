/**
 * `node bench/one-hanging.ts`: one of three endpoints stops answering under load. Only requests that were sent there may
 * time out, the others are as fast as before, and after a few timeouts it is ejected and nobody is sent there any more.
 * Retries are off, so that every request that went there shows. Exits with 1 when it is not so.
 */
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startFrontDoor } from '../test/support/front-door.ts'
import { startLoad } from './endpoints/load.ts'
import { type Pod, site, slice, startPod } from './endpoints/pod.ts'

export type OneHangingResult = {
  readonly good: number
  /** Answered with 504, by the endpoint they were sent to: its port. */
  readonly timeouts: Readonly<Record<number, number>>
  /** Neither good nor a timeout. */
  readonly others: readonly string[]
  readonly hanging: number
  /** From the first request that hung to the last one that was sent there, in milliseconds. */
  readonly ejectedAfterMs: number
  /** The slowest good answer, in milliseconds. */
  readonly slowestMs: number
}

type Line = { readonly time: string; readonly status: number; readonly cause?: string; readonly endpoint?: string }

/** `runMs`: how long the load goes on once the endpoint hangs; a second more than its timeout is enough. */
export async function oneHanging({
  clients,
  runMs,
  lane,
}: {
  readonly clients: number
  readonly runMs: number
  readonly lane: 'auto' | 'general'
}): Promise<OneHangingResult> {
  const pods = await Promise.all([1, 2, 3].map(() => startPod(2)))
  const annotations = {
    'nginx.ingress.kubernetes.io/proxy-read-timeout': '1',
    'nginx.ingress.kubernetes.io/proxy-next-upstream': 'off',
  }
  const file = join(tmpdir(), `genkan-one-hanging-${process.pid}.log`)
  const manifests = [site(annotations), ...pods.map(({ port }) => slice(port, 'ready'))].join('\n---\n')
  const { genkan } = await startFrontDoor(manifests, { accessLog: { file }, lane })
  const load = startLoad({ port: genkan.ports.http, host: 'web.test', clients, methods: ['GET'] })
  await pause(300)
  pods[1]!.hang()
  const hungAt = Date.now()
  await pause(runMs)
  const { outcomes } = await load.stop()
  await genkan.drain()
  await Promise.all(pods.map((pod) => pod.terminate('abrupt')))
  const lines = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  rmSync(file)
  return summary(lines, outcomes, pods[1]!, hungAt)
}

function summary(
  lines: readonly Line[],
  outcomes: readonly { status: number; ms: number; text: string }[],
  hanging: Pod,
  hungAt: number,
): OneHangingResult {
  const timeouts: Record<number, number> = {}
  for (const { status, endpoint = '' } of lines) {
    if (status !== 504) continue
    const port = Number(endpoint.split(':')[1])
    timeouts[port] = (timeouts[port] ?? 0) + 1
  }
  const sentThere = lines.filter(
    ({ time, endpoint }) => endpoint === `127.0.0.1:${hanging.port}` && Date.parse(time) >= hungAt,
  )
  const good = outcomes.filter(({ status }) => status === 200)
  return {
    good: good.length,
    timeouts,
    others: outcomes
      .filter(({ status }) => status !== 200 && status !== 504)
      .map(({ status, text }) => `${status} ${text}`),
    hanging: hanging.port,
    ejectedAfterMs: Math.max(0, ...sentThere.map(({ time }) => Date.parse(time))) - hungAt,
    slowestMs: Math.max(...good.map(({ ms }) => ms)),
  }
}

if (import.meta.main) {
  const { good, timeouts, others, hanging, ejectedAfterMs, slowestMs } = await oneHanging({
    clients: 12,
    runMs: 6_000,
    lane: 'auto',
  })
  const stray = Object.keys(timeouts).filter((port) => Number(port) !== hanging)
  process.stdout.write(
    `one of three hangs: ${good} good answers, the slowest after ${slowestMs.toFixed(0)} ms; ${timeouts[hanging] ?? 0} timeouts of requests sent to it, ${stray.length} of others, ${others.length} other failures; nobody was sent there any more after ${ejectedAfterMs} ms\n`,
  )
  for (const each of others.slice(0, 20)) process.stdout.write(`  ${each}\n`)
  process.exitCode = stray.length === 0 && others.length === 0 && ejectedAfterMs < 4_000 ? 0 : 1
}
