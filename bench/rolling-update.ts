/**
 * `node bench/rolling-update.ts`: under steady load every endpoint of a Service is replaced, three times over, with no
 * pause between telling a Pod to go and taking it off the list, as there is none in a cluster without a preStop sleep.
 * Not one request may fail. Exits with 1 when one does.
 *
 * Once with Pods that close their idle connections the moment they are told to go: what may be sent twice is, elsewhere.
 * And once, for requests that must not be sent twice, with Pods that leave that to whoever opened them: a POST that
 * crosses a FIN on the wire is lost to any proxy, and is answered with an honest 502.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { startFrontDoor } from '../test/support/front-door.ts'
import { startPod, type Pod, site, slice } from './endpoints/pod.ts'
import { startLoad } from './endpoints/load.ts'

export type RollingUpdateInit = {
  readonly pods: number
  readonly rounds: number
  readonly clients: number
  /** How long a Pod takes to answer. */
  readonly workMs: number
  /** Between the replacement of one Pod and that of the next. */
  readonly stepMs: number
  readonly manner: 'abrupt' | 'patient'
  readonly methods: readonly Dispatcher.HttpMethod[]
  readonly lane: 'auto' | 'general'
}

export type RollingUpdateResult = {
  readonly good: Readonly<Record<string, number>>
  readonly bad: readonly string[]
  readonly replaced: number
  readonly seconds: number
}

export async function rollingUpdate({
  pods: count,
  rounds,
  clients,
  workMs,
  stepMs,
  manner,
  methods,
  lane,
}: RollingUpdateInit): Promise<RollingUpdateResult> {
  let pods: Pod[] = await Promise.all(Array.from({ length: count }, () => startPod(workMs)))
  const manifests = (leaving: readonly Pod[]): string =>
    [
      site(),
      ...pods.map(({ port }) => slice(port, 'ready')),
      ...leaving.map(({ port }) => slice(port, 'terminating')),
    ].join('\n---\n')
  const { genkan, source } = await startFrontDoor(manifests([]), { lane })
  const started = performance.now()
  const load = startLoad({ port: genkan.ports.http, host: 'web.test', clients, methods })
  let replaced = 0
  for (let round = 0; round < rounds; round++) {
    for (const old of pods) {
      await pause(stepMs)
      const fresh = await startPod(workMs)
      pods = [...pods.filter((each) => each !== old), fresh]
      source.apply(manifests([old]), 'manifests.yaml')
      // At the same moment: nobody waits until everybody has heard of it.
      await old.terminate(manner)
      source.apply(manifests([]), 'manifests.yaml')
      await genkan.settled()
      replaced++
    }
  }
  await pause(stepMs)
  const { good, bad } = await load.stop()
  const seconds = (performance.now() - started) / 1_000
  await genkan.close()
  await Promise.all(pods.map((pod) => pod.terminate('abrupt')))
  return { good, bad, replaced, seconds }
}

if (import.meta.main) {
  const common = { lane: 'auto', pods: 5, rounds: 3, clients: 16, workMs: 5, stepMs: 150 } as const
  const runs = [
    { manner: 'abrupt', methods: ['GET', 'PUT'] },
    { manner: 'patient', methods: ['GET', 'PUT', 'POST'] },
  ] as const
  for (const run of runs) {
    const { good, bad, replaced, seconds } = await rollingUpdate({ ...common, ...run })
    const requests = Object.entries(good)
      .map(([method, count]) => `${count} ${method}`)
      .join(', ')
    process.stdout.write(
      `rolling update, ${run.manner} Pods: ${replaced} endpoints replaced in ${seconds.toFixed(1)} s under ${requests}: ${bad.length} failed\n`,
    )
    for (const each of bad.slice(0, 20)) process.stdout.write(`  ${each}\n`)
    if (bad.length > 0) process.exitCode = 1
  }
}
