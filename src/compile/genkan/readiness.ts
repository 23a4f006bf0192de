/** `readiness-…` on a Service: a probe without Pods in the folder, or in place of theirs. */
import { isVisible } from '#http/grammar.ts'
import type { PortRef } from '#resource/resource.ts'
import type { Annotated, AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { readDuration, readInteger, readMatching, readText, readWord, report } from '../setting.ts'

const onService: { readonly on: readonly Annotated[] } = { on: ['Service'] }
const elseProbe = "the Pods' probe, else"

export const readiness: AnnotationGroup = {
  title: 'Readiness',
  rows: [
    honoured(
      'readiness-protocol',
      `http, tcp, grpc, off (${elseProbe} http with a path and tcp with only a port)`,
      'An endpoint gets no traffic before its probe has succeeded, nor while it fails. Where Pods or Pod templates that the Service selects are in the folder, the `readinessProbe` of the container behind the port counts; these annotations replace its parts, or do without it. `off`: no probe.',
      onService,
    ),
    honoured(
      'readiness-path',
      `a path, with a query if need be (${elseProbe} /)`,
      'What is asked for; 200 to 399 is a success.',
      onService,
    ),
    honoured(
      'readiness-port',
      `a number, or the name of a container port or of a port of the Service (${elseProbe} the endpoint's own)`,
      'Where it is asked.',
      onService,
    ),
    honoured(
      'readiness-scheme',
      `http, https (${elseProbe} http)`,
      'Certificates are not verified, as by the kubelet.',
      onService,
    ),
    honoured(
      'readiness-period',
      `a duration of at least 1s (${elseProbe} 10s)`,
      'From one probe of an endpoint to its next.',
      onService,
    ),
    honoured(
      'readiness-timeout',
      `a duration of at least 1ms (${elseProbe} 1s)`,
      'A probe without an answer for so long has failed.',
      onService,
    ),
    honoured(
      'readiness-initial-delay',
      `a duration (${elseProbe} 0)`,
      'A new endpoint is left in peace for so long.',
      onService,
    ),
    honoured(
      'readiness-success-threshold',
      `a whole number of at least 1 (${elseProbe} 1)`,
      'Successes in a row that make an endpoint ready.',
      onService,
    ),
    honoured(
      'readiness-failure-threshold',
      `a whole number of at least 1 (${elseProbe} 3)`,
      'Failures in a row that make it unready.',
      onService,
    ),
  ],
}

/** What is written and can be read. */
export type ReadinessWish = {
  /** Name of the first annotation; for explain. */
  readonly key: string
  readonly protocol: 'http' | 'tcp' | 'grpc' | 'off' | undefined
  readonly path: string | undefined
  readonly port: PortRef | undefined
  readonly scheme: 'http' | 'https' | undefined
  readonly periodMs: number | undefined
  readonly timeoutMs: number | undefined
  readonly initialDelayMs: number | undefined
  readonly successThreshold: number | undefined
  readonly failureThreshold: number | undefined
}

/** `undefined` when there is none of these annotations. */
export function readReadiness(scope: Scope): ReadinessWish | undefined {
  const key = readiness.rows.find(({ name }) => readText(scope, name) !== undefined)?.name
  if (key === undefined) return undefined
  const many = { min: 1, max: 1000 }
  return {
    key,
    protocol: readWord(scope, 'readiness-protocol', ['http', 'tcp', 'grpc', 'off']),
    path: readMatching(scope, 'readiness-path', {
      test: (text) => text.startsWith('/') && isVisible(text),
      expected: 'a path such as /healthz',
    }),
    port: readPort(scope),
    scheme: readWord(scope, 'readiness-scheme', ['http', 'https']),
    periodMs: readDuration(scope, 'readiness-period', 1_000),
    timeoutMs: readDuration(scope, 'readiness-timeout', 1),
    initialDelayMs: readDuration(scope, 'readiness-initial-delay', 0),
    successThreshold: readInteger(scope, 'readiness-success-threshold', undefined, many),
    failureThreshold: readInteger(scope, 'readiness-failure-threshold', undefined, many),
  }
}

function readPort(scope: Scope): PortRef | undefined {
  const text = readText(scope, 'readiness-port')
  if (text === undefined) return undefined
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535)
    return { kind: 'number', number: Number(text) }
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text) && /[a-z]/.test(text) && text.length <= 63)
    return { kind: 'name', name: text }
  report(scope, 'readiness-port', { expected: 'a port number or the name of a port', instead: 'it is ignored' })
  return undefined
}
