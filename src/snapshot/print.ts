/**
 * The one text form of a snapshot: for golden tests, logs and bug reports. The same snapshot always prints the same,
 * and private keys are never in it.
 */
import type {
  CanarySpec,
  CertificateSpec,
  ClientAuthSpec,
  DoorSpec,
  PolicySpec,
  PortSpec,
  RouteSpec,
  ServerNameSpec,
  Snapshot,
  UpstreamSpec,
  UpstreamTlsSpec,
} from './snapshot.ts'

/**
 * Routes in their order of precedence, everything else sorted by name; ends with a newline. Durations in milliseconds,
 * sizes in bytes. A certificate shows what it is for and a checksum of its chain, by which a renewed one is told apart.
 */
export function printSnapshot({
  generation,
  routes,
  unmatched,
  accessLog,
  upstreams,
  certificates,
  tlsHosts,
  tracing,
  door,
  ...rest
}: Snapshot): string {
  const blocks = [
    [`generation ${generation}`],
    ...(door === undefined ? [] : [printDoor(door)]),
    ...(tracing === undefined ? [] : [['tracing', printValue(tracing)]]),
    ...(rest.listener === undefined ? [] : [['listener', printValue(rest.listener)]]),
    ...(accessLog === undefined ? [] : [[`access log ${printValue(accessLog)}`]]),
    ...[...routes, ...(unmatched === undefined ? [] : [unmatched])].map(printRoute),
    ...sortedBy(upstreams, ({ id }) => id).map(printUpstream),
    ...sortedBy(certificates, ({ id }) => id).map(printCertificate),
    ...sortedBy(tlsHosts, ({ host }) => host).map((each) => [`tls ${each.host}`, `certificate ${each.certificate}`]),
    ...sortedBy(rest.serverNames, ({ host }) => host).map(printServerName),
    ...sortedBy(rest.clientAuths, ({ id }) => id).map(printClientAuth),
  ]
  return `${blocks.map((lines) => lines.join('\n  ')).join('\n\n')}\n`
}

/**
 * JSON on one line with keys in alphabetical order, so that equal values print the same, except for members called
 * `secret`, which are not shown.
 */
export function printValue(value: unknown): string {
  return (
    JSON.stringify(value, (key, each: unknown) =>
      key === 'secret' ? hidden : isRecord(each) ? sortKeys(each) : each,
    ) ?? 'undefined'
  )
}

const hidden = '(hidden)'

/** A policy as people may see it. */
export function shownPolicy({ kind, config }: PolicySpec): PolicySpec {
  // What was plain data stays plain data.
  return { kind, config: JSON.parse(printValue(config)) as unknown }
}

/** How TLS is spoken to endpoints, for people: checksums in place of certificates, and no key. */
export type ShownTls = Omit<UpstreamTlsSpec, 'ca' | 'client'> & { readonly ca?: string; readonly client?: string }

export function withoutSecrets({ ca, client, ...rest }: UpstreamTlsSpec): ShownTls {
  return {
    ...rest,
    ...(ca === undefined ? {} : { ca: `checksum ${checksum(ca)}` }),
    ...(client === undefined ? {} : { client: `checksum ${checksum(client.certificate)}` }),
  }
}

export function printPort(port: PortSpec): string {
  return port.kind === 'number' ? String(port.number) : port.name
}

function printDoor({ limits, drainMs, forwarding, ...rest }: DoorSpec): string[] {
  return [
    'front door',
    ...printPart('limits', limits),
    ...printPart('drain', drainMs),
    ...printPart('forwarding', forwarding),
    ...Object.entries(rest).flatMap(([name, part]) => printPart(name, part)),
  ]
}

function printRoute({
  id,
  host,
  path,
  origin,
  upstream,
  policies,
  timeouts,
  maxBodyBytes,
  ...rest
}: RouteSpec): string[] {
  const { connectMs, sendMs, readMs, requestMs, streamIdleMs } = timeouts
  const { canary, errors, pace, retry, affinityCookie, tracing } = rest
  const bounds = `${requestMs === undefined ? '' : ` request ${requestMs}`}${streamIdleMs === undefined ? '' : ` stream-idle ${streamIdleMs}`}`
  return [
    `route ${id}`,
    `host ${host === '' ? '(every)' : host}`,
    `path ${path.kind} ${path.value}`,
    `from ${origin.object} at ${origin.file}:${origin.line}`,
    `upstream ${upstream ?? '(none)'}`,
    ...(canary === undefined ? [] : printCanary(canary)),
    `timeouts connect ${connectMs} send ${sendMs} read ${readMs}${bounds}`,
    ...printPart('retry', retry),
    ...printPart('errors', errors),
    ...printPart('pace', pace),
    `body ${maxBodyBytes === 0 ? 'unlimited' : maxBodyBytes}`,
    ...printPart('cookie', affinityCookie),
    ...printPart('tracing', tracing),
    ...policies.map(({ kind, config }) => `policy ${kind} ${printValue(config)}`),
  ]
}

function printCanary({ upstream, origin, ...rules }: CanarySpec): string[] {
  return [
    `canary ${upstream} from ${origin.object} at ${origin.file}:${origin.line}`,
    `canary rules ${printValue(rules)}`,
  ]
}

function printUpstream({ id, namespace, service, port, protocol, discovery, ...rest }: UpstreamSpec): string[] {
  const { balance, affinity, probe, outlier, slowStartMs, bounds, tls } = rest
  return [
    `upstream ${id}`,
    `service ${namespace}/${service} port ${port.kind} ${printPort(port)}`,
    `protocol ${protocol}`,
    ...(tls === undefined ? [] : [`tls ${printValue(withoutSecrets(tls))}`]),
    `discovery ${discovery.join(', ')}`,
    ...printPart('balance', balance),
    ...printPart('affinity', affinity),
    ...printPart('probe', probe),
    ...printPart('outlier', outlier),
    ...printPart('slow-start', slowStartMs),
    ...printPart('bounds', bounds),
  ]
}

function printPart(name: string, part: unknown): string[] {
  return part === undefined ? [] : [`${name} ${printValue(part)}`]
}

function printCertificate({ id, certificate, names, notAfter }: CertificateSpec): string[] {
  return [
    `certificate ${id}`,
    `names ${names.join(', ')}`,
    `until ${Number.isFinite(notAfter) ? new Date(notAfter).toISOString() : notAfter}`,
    `chain ${certificate.split('-----BEGIN CERTIFICATE-----').length - 1}, checksum ${checksum(certificate)}`,
  ]
}

function printServerName({ host, clientAuth, tls, passthrough }: ServerNameSpec): string[] {
  return [
    `server name ${host === '' ? '(any other)' : host}`,
    ...(clientAuth === undefined ? [] : [`client certificates ${clientAuth}`]),
    ...printPart('tls', tls),
    ...printPart('passed on', passthrough),
  ]
}

function printClientAuth({ id, ca, crl }: ClientAuthSpec): string[] {
  return [
    `client authorities ${id}`,
    `checksum ${checksum(ca)}`,
    ...(crl === undefined ? [] : [`revocations, checksum ${checksum(crl)}`]),
  ]
}

/** FNV-1a, 32 bits: tells versions apart for a reader, protects nothing. */
function checksum(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

function sortedBy<Item>(items: readonly Item[], name: (item: Item) => string): Item[] {
  return items.toSorted((a, b) => (name(a) < name(b) ? -1 : Number(name(a) !== name(b))))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sortKeys(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(sortedBy(Object.entries(record), ([key]) => key))
}
