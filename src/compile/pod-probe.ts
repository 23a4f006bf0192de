/**
 * A container's `readinessProbe` → a probe that can be run from here, as the kubelet would run it (Kubernetes,
 * "Configure Liveness, Readiness and Startup Probes").
 */
import { isFieldValue, isToken, isVisible } from '#http/grammar.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { ProblemInit } from '#resource/problem.ts'
import type { Container, PortRef, Probe } from '#resource/resource.ts'
import type { ProbeSpec } from '#snapshot/snapshot.ts'
import type { PodTemplate } from './pod-templates.ts'

export type PodProbe = {
  /** `undefined`: an endpoint is ready as soon as discovery says so. */
  readonly probe: ProbeSpec | undefined
  /** Number of the container port behind the Service's port. */
  readonly own: number
  /** What is wrong with the probe, at its place in the template's object. */
  readonly problems: readonly ProblemInit[]
}

/** `target` is the Service's targetPort. `undefined` when the template has no such port. */
export function probeOfTemplate({ name, spec, at }: PodTemplate, target: PortRef): PodProbe | undefined {
  const own = target.kind === 'number' ? target.number : portNamed(spec.containers, target.name)
  if (own === undefined) return undefined
  const container = containerBehind(spec.containers, own)
  if (container?.readinessProbe === undefined) return { probe: undefined, own, problems: [] }
  const place = [...at, 'containers', spec.containers.indexOf(container), 'readinessProbe']
  const origin = `readinessProbe of container ${container.name} of ${name}`
  return { own, ...convert(container.readinessProbe, { container, own, place, origin }) }
}

/** Of any container, as the endpoint controller looks for it. */
export function portNamed(containers: readonly Container[], name: string): number | undefined {
  return containers.flatMap(({ ports }) => ports).find((each) => each.name === name && each.protocol === 'TCP')
    ?.containerPort
}

/** Ports need not be declared: then it is the container whose probe asks this port, the only one, or one with a probe. */
function containerBehind(containers: readonly Container[], port: number): Container | undefined {
  const declaring = containers.find(({ ports }) =>
    ports.some((each) => each.containerPort === port && each.protocol === 'TCP'),
  )
  if (declaring !== undefined || containers.length === 1) return declaring ?? containers[0]
  return (
    containers.find(({ readinessProbe }) => asks(readinessProbe, port)) ??
    containers.find((each) => each.readinessProbe !== undefined)
  )
}

function asks(probe: Probe | undefined, port: number): boolean {
  if (probe === undefined || probe.action.kind === 'exec') return false
  const asked = probe.action.port
  return typeof asked === 'number' ? asked === port : asked.kind === 'number' && asked.number === port
}

type Surroundings = {
  readonly container: Container
  readonly own: number
  readonly place: FieldPath
  readonly origin: string
}

function convert(probe: Probe, { container, own, place, origin }: Surroundings): Omit<PodProbe, 'own'> {
  const problems: ProblemInit[] = []
  const none = (init: ProblemInit): Omit<PodProbe, 'own'> => ({ probe: undefined, problems: [...problems, init] })
  const { action } = probe
  if (action.kind === 'exec') {
    const message = 'an exec probe cannot be run from here'
    return none({
      severity: 'info',
      code: 'probe-exec',
      at: [...place, 'exec'],
      message,
      instead: 'readiness is what discovery says; genkan.dev/readiness-path on the Service is another way',
    })
  }
  const ref: PortRef = action.kind === 'grpc' ? { kind: 'number', number: action.port } : action.port
  const port = ref.kind === 'number' ? ref.number : portNamed([container], ref.name)
  if (port === undefined) {
    const message = `container ${container.name} has no port named ${ref.kind === 'name' ? ref.name : ''}`
    return none({
      severity: 'warning',
      code: 'probe-port',
      at: [...place, action.kind, 'port'],
      message,
      instead: 'it is not probed',
    })
  }
  if (action.kind === 'httpGet' && !isVisible(action.path)) {
    return none({
      severity: 'warning',
      code: 'probe-path',
      at: [...place, 'httpGet', 'path'],
      message: `${JSON.stringify(action.path)} is no path that a request could have`,
      instead: 'it is not probed',
    })
  }
  if (action.kind !== 'grpc' && action.host !== undefined && action.host !== '') {
    const instead =
      action.kind === 'httpGet' ? 'the endpoint itself is, with this host in its Host field' : 'the endpoint itself is'
    problems.push({
      severity: 'info',
      code: 'probe-host',
      at: [...place, action.kind, 'host'],
      message: 'another host is never probed',
      instead,
    })
  }
  const spec: ProbeSpec = {
    action: actionOf(action, place, problems),
    ...(port === own ? {} : { port, ownPort: own }),
    ...timesOf(probe),
    origin,
  }
  return { probe: spec, problems }
}

function actionOf(
  action: Exclude<Probe['action'], { kind: 'exec' }>,
  place: FieldPath,
  problems: ProblemInit[],
): ProbeSpec['action'] {
  if (action.kind === 'tcpSocket') return { kind: 'tcp' }
  if (action.kind === 'grpc') return { kind: 'grpc', service: action.service }
  const { scheme, path, host = '' } = action
  const fields: string[] = []
  for (const [index, { name, value }] of action.headers.entries()) {
    if (isToken(name) && isFieldValue(value) && !framing.has(name.toLowerCase())) fields.push(name, value)
    else
      problems.push({
        severity: 'warning',
        code: 'probe-header',
        at: [...place, 'httpGet', 'httpHeaders', index],
        message: `a probe cannot carry the field ${JSON.stringify(name)} as written`,
        instead: 'it is left out',
      })
  }
  const named = fields.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
  if (host !== '' && !named && isVisible(host)) fields.unshift('Host', host)
  return {
    kind: 'http',
    scheme: scheme === 'HTTPS' ? 'https' : 'http',
    path: path.startsWith('/') ? path : `/${path}`,
    fields,
  }
}

/** Belong to the connection and the message, not to the request (RFC 9112 sections 6 and 9). */
const framing: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'keep-alive',
  'expect',
])

function timesOf({
  initialDelaySeconds,
  periodSeconds,
  timeoutSeconds,
  successThreshold,
  failureThreshold,
}: Probe): Omit<ProbeSpec, 'action' | 'port' | 'origin'> {
  return {
    initialDelayMs: milliseconds(initialDelaySeconds),
    periodMs: milliseconds(periodSeconds),
    timeoutMs: milliseconds(timeoutSeconds),
    successThreshold,
    failureThreshold,
  }
}

/** No timer of Node.js waits longer than 2^31 - 1 ms. */
function milliseconds(seconds: number): number {
  return Math.min(seconds * 1000, 2 ** 31 - 1)
}
