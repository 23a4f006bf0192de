/**
 * What would happen to one request, and why: the listener, how its address is read, the certificate, the rule that wins
 * and every one that loses, what policies do to it, and who could answer. Pure: everything it looks at is given.
 */
import type { EndpointSet, Snapshot } from '#snapshot/snapshot.ts'
import type { Compiled } from './compile.ts'
import { describeCookie, describeErrors, describePace, describeRetry, describeSettings } from './explained-backend.ts'
import { describeShare } from './explained-canary.ts'
import { explainPassthrough, passthroughFor } from './explained-passthrough.ts'
import { explainRoute, noRoute } from './explained-route.ts'
import { readUrl } from './explained-url.ts'
import type { CertificateChoice, Contender, Explanation } from './explanation.ts'

export type ExplainInput = {
  readonly compiled: Compiled
  readonly endpoints: readonly EndpointSet[]
  /** `https://shop.example/cart?id=1`, as typed: nothing about it is normalised before we look. */
  readonly url: string
  readonly method: string
  /** Request fields as a flat list of name, value; a Host among them counts before the host of the URL. */
  readonly fields: readonly string[]
  /** Where a real front door listens; 80 and 443 where nobody says. */
  readonly ports?: { readonly http: number; readonly https: number }
}

export function explain(input: ExplainInput): Explanation {
  const { compiled, method, url, fields, ports = { http: 80, https: 443 } } = input
  const { scheme, port, host, path, query, serverName } = readUrl({ url, fields, ports })
  const certificate = scheme === 'https' ? chooseCertificate(compiled.snapshot, serverName) : undefined
  const common = {
    ...noRoute,
    method,
    url,
    listener: { scheme: scheme ?? 'http', port },
    host,
    path,
    certificate,
  } as const
  if (scheme === undefined) return { ...common, outcome: 'this is no http or https URL' }
  if (host.routed === undefined || path.routed === undefined) {
    const reason = (host.routed === undefined ? host : path).notes[0] ?? ''
    return {
      ...common,
      outcome: `refused with 400 (bad_request): ${reason}`,
      answer: { status: 400, cause: 'bad_request' },
    }
  }
  const request = { scheme, port, host: host.routed, path: path.routed, query, method, fields, httpsPort: ports.https }
  const passthrough = scheme === 'https' ? passthroughFor(compiled.snapshot, serverName) : undefined
  if (passthrough === undefined) return { ...common, ...explainRoute(input, request) }
  return { ...common, certificate: undefined, ...explainPassthrough(input, passthrough, request) }
}

/** For people at a terminal: plain text, aligned, without colours. Ends with a line break. */
export function printExplanation(explanation: Explanation): string {
  const { method, url, listener, host, path, certificate, winner } = explanation
  const rows: (readonly [string, string])[] = [
    ['request', `${method} ${url}`],
    ['listener', `${listener.scheme} on port ${listener.port}`],
    ['host', readingOf(host)],
    ['path', readingOf(path)],
    ...(certificate === undefined ? [] : [['certificate', printCertificate(certificate)] as const]),
    ['rule', winner === undefined ? 'none' : printContender(winner)],
    ...explanation.losers.map((loser, index) => [index === 0 ? 'not' : '', printContender(loser)] as const),
    ...(explanation.unrelated === 0 ? [] : [['', `and ${explanation.unrelated} more for other hosts`] as const]),
    ...explanation.policies.map(
      ({ kind, effect }, index) => [index === 0 ? 'policies' : '', `${kind}: ${effect}`] as const,
    ),
    ...printBounds(explanation),
    ...printBackend(explanation),
    ...explanation.problems.map(
      (each, index) =>
        [
          index === 0 ? 'problems' : '',
          `${each.file}:${each.line}:${each.column}: ${each.severity}: ${each.message}`,
        ] as const,
    ),
    ['result', explanation.outcome],
  ]
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  return rows.map(([name, text]) => `${name.padEnd(width)}${text}\n`).join('')
}

/** As the listener chooses: the exact name, then its wildcard, then the default. */
function chooseCertificate(snapshot: Snapshot, serverName: string): CertificateChoice {
  const dot = serverName.indexOf('.')
  for (const name of [serverName, `*${serverName.slice(Math.max(dot, 0))}`]) {
    const chosen = snapshot.tlsHosts.find((each) => each.host === name)
    const certificate = chosen && snapshot.certificates.find((each) => each.id === chosen.certificate)
    if (certificate !== undefined) {
      const { id, names, notAfter } = certificate
      return { id, names, notAfter, because: `spec.tls names ${name}` }
    }
  }
  return {
    id: undefined,
    names: [],
    notAfter: undefined,
    because: `no spec.tls gives ${serverName} a usable certificate`,
  }
}

function readingOf({ given, routed, notes }: Explanation['host']): string {
  const text = routed ?? (given === '' ? '(none)' : given)
  return notes.length === 0 ? text : `${text} (${given === text ? '' : `from ${given}: `}${notes.join('; ')})`
}

function printCertificate({ id, names, notAfter, because }: CertificateChoice): string {
  if (id === undefined) return `the default certificate: ${because}`
  const until = notAfter === undefined ? '' : `, valid until ${new Date(notAfter).toISOString().slice(0, 10)}`
  return `Secret ${id} for ${names.join(', ')}${until}: ${because}`
}

function printContender({ rule, file, line, because }: Contender): string {
  return `${rule} (${file}:${line}): ${because}`
}

function printBounds({
  timeouts,
  maxBodyBytes,
  retry,
  affinityCookie,
  pace,
  errors,
}: Explanation): readonly (readonly [string, string])[] {
  if (timeouts === undefined || maxBodyBytes === undefined) return []
  const { connectMs, sendMs, readMs, requestMs, streamIdleMs } = timeouts
  const whole = requestMs === undefined ? '' : `, whole request ${requestMs / 1000} s`
  const idle = streamIdleMs === undefined ? '' : `, idle stream ${streamIdleMs / 1000} s`
  return [
    ['timeouts', `connect ${connectMs / 1000} s, send ${sendMs / 1000} s, read ${readMs / 1000} s${whole}${idle}`],
    ['retries', describeRetry(retry)],
    ['body', maxBodyBytes === 0 ? 'no limit' : `at most ${maxBodyBytes} bytes`],
    ...(pace === undefined ? [] : [['pace', describePace(pace)] as const]),
    ...(errors === undefined ? [] : [['errors', describeErrors(errors)] as const]),
    ...(affinityCookie === undefined ? [] : [['cookie', describeCookie(affinityCookie)] as const]),
  ]
}

function printBackend({ backend, canary }: Explanation): readonly (readonly [string, string])[] {
  if (backend === undefined) return []
  const { upstream, discovery, state, mode, settings, endpoints } = backend
  const found = mode === undefined ? `asked: ${discovery.join(', ')}` : `by ${mode}`
  return [
    ...(canary === undefined
      ? []
      : [
          [
            'canary',
            `${describeShare(canary)}: ${canary.because} (${canary.object}, ${canary.file}:${canary.line})`,
          ] as const,
        ]),
    ['backend', `${upstream} (discovery ${state}, ${found})`],
    ...describeSettings(settings),
    ...endpoints.map(({ id, name, state: each, health }, index): readonly [string, string] => {
      const why = health === undefined ? '' : `: ${health}`
      return [index === 0 ? 'endpoints' : '', `${id} ${each}${name === undefined ? '' : ` (${name})`}${why}`]
    }),
  ]
}
