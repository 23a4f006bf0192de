/** Probes that a test answers by hand, or by what it says of each address. */
import type { ProbeOnce, ProbeOutcome, ProbeTarget } from '#health/probe.ts'
import type { EndpointSet, EndpointSpec, ProbeSpec, UpstreamSpec } from '#snapshot/snapshot.ts'
import { endpointOf } from './door.ts'
import { settle } from './until.ts'

export type Asked = {
  readonly spec: ProbeSpec
  readonly target: ProbeTarget
  readonly signal: AbortSignal
  readonly answer: (ok: boolean, says?: string) => Promise<void>
}

export class ScriptedProbe {
  /** In the order they were asked. */
  readonly asked: Asked[] = []
  /** By address; who is not here is answered by hand. */
  readonly answers = new Map<string, boolean>()

  readonly probe: ProbeOnce = (spec, target, signal) => {
    const { promise, resolve } = Promise.withResolvers<ProbeOutcome>()
    const answer = async (ok: boolean, says = ok ? 'fine' : 'broken'): Promise<void> => {
      resolve({ ok, says })
      await settle(1)
    }
    this.asked.push({ spec, target, signal, answer })
    const ok = this.answers.get(target.address)
    if (ok !== undefined) resolve({ ok, says: ok ? 'fine' : 'broken' })
    return promise
  }

  get last(): Asked {
    return this.asked.at(-1)!
  }
}

export function probeSpec(spec: Partial<ProbeSpec> = {}): ProbeSpec {
  return {
    action: { kind: 'tcp' },
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1_000,
    successThreshold: 1,
    failureThreshold: 3,
    origin: 'Deployment default/web',
    ...spec,
  }
}

export const upstreamId = 'default/web:80'

export function upstreamSpec(spec: Partial<UpstreamSpec> = {}): UpstreamSpec {
  return {
    id: upstreamId,
    namespace: 'default',
    service: 'web',
    port: { kind: 'number', number: 80 },
    protocol: 'http',
    discovery: ['slices'],
    ...spec,
  }
}

/** Endpoints at 10.0.0.n, port 80; a number stands for one that is ready. */
export function setOf(
  endpoints: readonly (number | (Partial<EndpointSpec> & { readonly n: number }))[],
  set: Partial<EndpointSet> = {},
): EndpointSet {
  const specs = endpoints.map((each) => {
    const { n, ...rest } = typeof each === 'number' ? { n: each } : each
    return endpointOf({ address: `10.0.0.${n}`, ...rest })
  })
  return {
    upstream: upstreamId,
    state: specs.length === 0 ? 'empty' : 'live',
    mode: 'slices',
    endpoints: specs,
    ...set,
  }
}
