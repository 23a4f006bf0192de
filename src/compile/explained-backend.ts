/** The upstream of a request as people want to see it: its settings, and every endpoint with why it is as it is. */
import { printDuration } from '#lib/duration.ts'
import { endpointState } from '#snapshot/endpoint-state.ts'
import type { ShownTls } from '#snapshot/print.ts'
import { printValue, withoutSecrets } from '#snapshot/print.ts'
import type {
  AffinityCookieSpec,
  EndpointSet,
  EndpointSpec,
  ErrorPagesSpec,
  HashPart,
  PaceSpec,
  ProbeSpec,
  RetrySpec,
  UpstreamSpec,
} from '#snapshot/snapshot.ts'
import type { BackendSettings, BackendView, EndpointView } from './explanation.ts'
import { describeOutlier } from './genkan/upstream-settings.ts'

export function backendView(upstream: UpstreamSpec, set: EndpointSet | undefined): BackendView {
  return {
    upstream: upstream.id,
    discovery: upstream.discovery,
    state: set?.state ?? 'unknown',
    mode: set?.mode,
    settings: settingsOf(upstream),
    endpoints: (set?.endpoints ?? []).map(endpointView),
  }
}

type Row = readonly [string, string]

/** Name and text of everything that is not as it would be without annotations, and of the probe in any case. */
export function describeSettings({
  protocol,
  tls,
  balance,
  affinity,
  probe,
  outlier,
  slowStartMs,
  bounds,
}: BackendSettings): readonly Row[] {
  const { connections, pending, pendingMs } = bounds ?? {}
  const limits = [
    ...(connections === undefined ? [] : [`${connections} connections to an endpoint`]),
    ...(pending === undefined ? [] : [`${pending} requests waiting`]),
    ...(pendingMs === undefined ? [] : [`for ${printDuration(pendingMs)}`]),
  ]
  return [
    ...row('protocol', protocol === 'http' ? '' : protocols[protocol]),
    ...row('tls', tls === undefined ? '' : describeTls(tls)),
    ...row('balance', describeBalance(balance)),
    ...row('affinity', describeAffinity(affinity)),
    ...row('slow start', slowStartMs === undefined ? '' : `over ${printDuration(slowStartMs)}`),
    ['probe', probe === undefined ? 'none: what discovery says is believed' : describeProbe(probe)],
    ...row('outliers', outlier === undefined ? '' : outlier === 'off' ? 'never ejected' : describeOutlier(outlier)),
    ...row('limits', limits.join(', ')),
  ]
}

export function describeRetry(retry: RetrySpec | undefined): string {
  if (retry === undefined) return 'by default'
  const { on, tries, withinMs } = retry
  if (on.length === 0) return 'off'
  const many = tries === 0 ? 'as many attempts as endpoints' : tries === 1 ? '1 attempt' : `${tries} attempts`
  return `on ${on.join(', ')}; ${many}${withinMs === 0 ? '' : `, none begun after ${printDuration(withinMs)}`}`
}

export function describeCookie({
  name,
  path,
  domain,
  maxAge,
  expires,
  sameSite,
  secure,
  changeOnFailure,
}: AffinityCookieSpec): string {
  const parts = [
    `Path=${path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    ...(maxAge === undefined ? [] : [`Max-Age=${maxAge}`]),
    ...(expires === undefined ? [] : [`Expires in ${expires} s`]),
    ...(sameSite === undefined ? [] : [`SameSite=${sameSite}`]),
    secure === 'always' ? 'Secure' : 'Secure over https',
    ...(changeOnFailure ? ['changed when its endpoint fails'] : []),
  ]
  return `${name}; ${parts.join('; ')}`
}

export function describePace({ bytesPerSecond, afterBytes }: PaceSpec): string {
  const after = afterBytes === 0 ? '' : ` after the first ${afterBytes}`
  return `at most ${bytesPerSecond} bytes of a response per second${after}`
}

export function describeErrors({
  upstream,
  statuses,
  passEndpoints,
  whenEmpty,
  policies = [],
}: ErrorPagesSpec): string {
  const parts = [
    ...(statuses.length === 0
      ? []
      : [
          `${statuses.join(', ')}${passEndpoints ? ', where no endpoint answered so,' : ''} are answered by ${upstream}`,
        ]),
    ...(whenEmpty ? [`${upstream} gets requests while no endpoint is there`] : []),
    ...(policies.length === 0 ? [] : ['only for clients that a NetworkPolicy admits to it']),
  ]
  return parts.join('; ')
}

const protocols = {
  https: 'HTTPS',
  grpc: 'HTTP/2 without TLS (gRPC)',
  grpcs: 'HTTP/2 with TLS (gRPC)',
  auto: 'HTTP or HTTPS, as the client',
} as const

function row(name: string, text: string): readonly Row[] {
  return text === '' ? [] : [[name, text]]
}

function settingsOf({
  id: _id,
  namespace: _namespace,
  service: _service,
  port: _port,
  discovery: _discovery,
  tls,
  ...settings
}: UpstreamSpec): BackendSettings {
  return tls === undefined ? settings : { ...settings, tls: withoutSecrets(tls) }
}

function endpointView(endpoint: EndpointSpec): EndpointView {
  return { id: endpoint.id, name: endpoint.name, state: endpointState(endpoint), health: healthOf(endpoint) }
}

function healthOf({ health }: EndpointSpec): string | undefined {
  if (health === undefined) return undefined
  const words = [
    ...(health.ejectedUntil === undefined ? [] : [`ejected until ${new Date(health.ejectedUntil).toISOString()}`]),
    ...(health.says === undefined ? (health.probe === undefined ? [] : [`probe ${health.probe}`]) : [health.says]),
  ]
  return words.length === 0 ? undefined : words.join('; ')
}

function describeTls({ verify, name, serverName, ca, depth, client, minVersion, ciphers }: ShownTls): string {
  return [
    verify
      ? `verified for ${name ?? 'the Service'} against ${ca === undefined ? "the system's authorities" : 'the ca.crt of its Secret'}`
      : 'not verified',
    ...(depth === undefined ? [] : [`chains with at most ${depth} in between`]),
    serverName === undefined ? 'no server name sent' : `server name ${serverName}`,
    ...(client === undefined ? [] : ['with a client certificate']),
    ...(minVersion === undefined ? [] : [`at least ${minVersion}`]),
    ...(ciphers === undefined ? [] : [`ciphers ${ciphers}`]),
  ].join(', ')
}

function describeBalance(balance: UpstreamSpec['balance']): string {
  if (balance === undefined || balance.kind === 'roundRobin') return 'round robin'
  if (balance.kind === 'leastRequest') return 'least request'
  if (balance.kind === 'ewma') return 'least latency (EWMA)'
  const { key, subset } = balance
  return `ring hash of ${key.map(describePart).join(' ')}${subset === undefined ? '' : `, groups of ${subset}`}`
}

function describePart(part: HashPart): string {
  if (part.kind === 'text') return printValue(part.text)
  if ('name' in part) return `${part.kind} ${part.name}`
  return {
    clientAddress: 'client address',
    host: 'host',
    path: 'path',
    target: 'path and query',
    method: 'method',
    scheme: 'scheme',
  }[part.kind]
}

function describeAffinity(affinity: UpstreamSpec['affinity']): string {
  if (affinity === undefined) return ''
  if (affinity.kind === 'clientIP') return `by client address, for ${printDuration(affinity.timeoutMs)}`
  return `by cookie ${affinity.cookieName}, ${affinity.mode}`
}

function describeProbe({
  action,
  port,
  initialDelayMs,
  periodMs,
  timeoutMs,
  successThreshold,
  failureThreshold,
  origin,
}: ProbeSpec): string {
  const what =
    action.kind === 'http'
      ? `${action.scheme} GET ${action.path}`
      : action.kind === 'grpc'
        ? `grpc health of ${printValue(action.service)}`
        : 'tcp'
  const where = port === undefined ? '' : ` on port ${port}`
  const delay = initialDelayMs === 0 ? '' : `, first after ${printDuration(initialDelayMs)}`
  const times = `every ${printDuration(periodMs)}, ${printDuration(timeoutMs)} at most${delay}; ready after ${successThreshold}, unready after ${failureThreshold}`
  return `${what}${where}, ${times} (${origin})`
}
