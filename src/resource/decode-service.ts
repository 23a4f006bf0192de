/**
 * Service, Endpoints and EndpointSlice. Loopback addresses are allowed, unlike in a cluster: on a laptop the endpoint
 * of a Service is often a process on the same machine.
 */
import { ipFamily } from '#lib/ip-literal.ts'
import type { Bad, Decoder, Report } from './decoder.ts'
import {
  bad,
  boolean,
  integer,
  list,
  mapped,
  mismatch,
  object,
  oneOf,
  optional,
  string,
  stringMap,
  stringThat,
  withDefault,
  words,
} from './decoder.ts'
import { dnsLabel, dnsSubdomain, ipAddress, isDnsSubdomain, isPortName } from './name.ts'
import type {
  EndpointAddress,
  EndpointPort,
  Endpoints,
  EndpointSlice,
  PortRef,
  Service,
  ServicePort,
  SliceEndpoint,
} from './resource.ts'

export const protocol = withDefault(oneOf('TCP', 'UDP', 'SCTP'), 'TCP')
export const portNumber = integer(1, 65535)

/** A number, or the name of a container port. */
export const portRef: Decoder<PortRef> = {
  expected: 'a port number from 1 to 65535 or a port name',
  read: (value, report) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535)
      return { kind: 'number', number: value }
    if (typeof value === 'string' && isPortName(value)) return { kind: 'name', name: value }
    const digits = typeof value === 'string' && /^\d+$/.test(value)
    return mismatch(report, portRef.expected, value, digits ? ' in quotes: write it without them' : '')
  },
}

const servicePort: Decoder<ServicePort> = mapped(
  object({
    name: withDefault(dnsLabelOrEmpty(), ''),
    protocol,
    port: portNumber,
    targetPort: optional(portRef),
    nodePort: optional(integer(0, 65535)),
    appProtocol: optional(string),
  }),
  (port): ServicePort => ({
    ...port,
    targetPort: port.targetPort ?? { kind: 'number', number: port.port },
    nodePort: port.nodePort === 0 ? undefined : port.nodePort,
  }),
)

/** Empty when the cluster has yet to choose; `None` for a headless Service. */
const clusterIp = stringThat(
  'an IP address or None',
  (text) => text === '' || text === 'None' || ipFamily(text) !== undefined,
  (text) => (text.toLowerCase() === 'none' ? ' (did you mean None?)' : ''),
)

const externalName = stringThat('a DNS name', (text) => isDnsSubdomain(text.replace(/\.$/, '')))

const sessionAffinityConfig = object({ clientIP: optional(object({ timeoutSeconds: optional(integer(1, 86_400)) })) })

type Spec = Service['spec']

const serviceSpec: Decoder<Spec> = mapped(
  object(
    {
      type: withDefault(oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'), 'ClusterIP'),
      clusterIP: withDefault(clusterIp, ''),
      clusterIPs: list(clusterIp),
      externalName: optional(externalName),
      selector: stringMap,
      ports: list(servicePort),
      publishNotReadyAddresses: withDefault(boolean, false),
      externalTrafficPolicy: withDefault(oneOf('Cluster', 'Local'), 'Cluster'),
      sessionAffinity: withDefault(oneOf('None', 'ClientIP'), 'None'),
      sessionAffinityConfig: optional(sessionAffinityConfig),
    },
    {
      unused: words(`
        externalIPs loadBalancerIP loadBalancerSourceRanges loadBalancerClass allocateLoadBalancerNodePorts
        healthCheckNodePort internalTrafficPolicy ipFamilies ipFamilyPolicy trafficDistribution ipFamily
        topologyKeys
      `),
    },
  ),
  ({ sessionAffinityConfig: affinity, ...value }, report): Spec | Bad => {
    const before = report.problems.length
    checkServicePorts(value.ports, value.type === 'ExternalName' || value.clusterIP === 'None', report)
    if (value.type === 'ExternalName' && value.externalName === undefined) {
      report.error(
        'expected a DNS name for type ExternalName, but the field is missing',
        ['externalName'],
        'missing-field',
      )
    }
    if (value.type === 'ExternalName' && value.clusterIP === 'None') {
      report.error('expected no clusterIP for type ExternalName, found "None"', ['clusterIP'])
    }
    const { clusterIP, clusterIPs } = value
    if (clusterIPs.length > 0 && clusterIP !== clusterIPs[0]) {
      report.error(
        `expected the first of clusterIPs to be clusterIP (${JSON.stringify(clusterIP)}), found ${JSON.stringify(clusterIPs[0])}`,
        ['clusterIPs', 0],
      )
    }
    if (report.failedSince(before)) return bad
    return { ...value, sessionAffinityTimeout: affinity?.clientIP?.timeoutSeconds ?? 10_800 }
  },
)

export const serviceFields = { spec: serviceSpec }

function checkServicePorts(ports: readonly ServicePort[], mayBeEmpty: boolean, report: Report): void {
  if (ports.length === 0 && !mayBeEmpty)
    report.error('expected at least one port, found none', ['ports'], 'missing-field')
  checkPortNames(ports, report)
  const seen = new Set<string>()
  for (const [index, { protocol: each, port }] of ports.entries()) {
    if (seen.has(`${each} ${port}`))
      report.error(`expected each port once, found ${each} ${port} again`, ['ports', index, 'port'])
    seen.add(`${each} ${port}`)
  }
}

/** A single port may go without name; several must be told apart. */
function checkPortNames(ports: readonly { readonly name: string }[], report: Report): void {
  const seen = new Set<string>()
  for (const [index, { name }] of ports.entries()) {
    if (name === '' && ports.length > 1)
      report.error(
        'expected a name, because there is more than one port; but the field is missing',
        ['ports', index, 'name'],
        'missing-field',
      )
    else if (seen.has(name))
      report.error(`expected each name once, found ${JSON.stringify(name)} again`, ['ports', index, 'name'])
    seen.add(name)
  }
}

const targetRef: Decoder<string | undefined> = mapped(
  optional(
    object(
      { kind: withDefault(string, ''), namespace: optional(string), name: withDefault(string, '') },
      { unused: ['uid', 'apiVersion', 'resourceVersion', 'fieldPath'] },
    ),
  ),
  (ref) =>
    ref === undefined || ref.name === ''
      ? undefined
      : `${ref.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}`.trimStart(),
)

const endpointAddress: Decoder<EndpointAddress> = mapped(
  object({ ip: ipAddress, hostname: optional(dnsLabel), nodeName: optional(dnsSubdomain), targetRef }),
  ({ targetRef: target, ...address }) => ({ ...address, target }),
)

const endpointPort: Decoder<EndpointPort> = object(
  { name: withDefault(dnsLabelOrEmpty(), ''), port: portNumber, protocol },
  { unused: ['appProtocol'] },
)

const subset: Decoder<Endpoints['subsets'][number]> = mapped(
  object({ addresses: list(endpointAddress), notReadyAddresses: list(endpointAddress), ports: list(endpointPort) }),
  (value, report) => {
    const before = report.problems.length
    if (value.addresses.length + value.notReadyAddresses.length === 0)
      report.error('expected addresses or notReadyAddresses, found neither', [], 'missing-field')
    checkPortNames(value.ports, report)
    return report.failedSince(before) ? bad : value
  },
)

export const endpointsFields = { subsets: list(subset) }

const addressType = oneOf('IPv4', 'IPv6', 'FQDN')

const sliceEndpoint: Decoder<SliceEndpoint> = mapped(
  object(
    {
      addresses: mapped(list(string), (addresses, report) =>
        addresses.length > 0
          ? addresses
          : report.error('expected at least one address, found none', [], 'missing-field'),
      ),
      conditions: optional(
        object({ ready: optional(boolean), serving: optional(boolean), terminating: optional(boolean) }),
      ),
      hostname: optional(dnsLabel),
      nodeName: optional(dnsSubdomain),
      zone: optional(string),
      targetRef,
    },
    { unused: ['hints', 'deprecatedTopology'] },
  ),
  ({ targetRef: target, conditions, ...endpoint }) => ({
    ...endpoint,
    conditions: conditions ?? { ready: undefined, serving: undefined, terminating: undefined },
    target,
  }),
)

const slicePort = object(
  { name: withDefault(dnsLabelOrEmpty(), ''), port: optional(portNumber), protocol },
  { unused: ['appProtocol'] },
)

export const endpointSliceFields = { addressType, endpoints: list(sliceEndpoint), ports: list(slicePort) }

export function checkEndpointSlice(
  slice: Pick<EndpointSlice, 'addressType' | 'endpoints' | 'ports'>,
  report: Report,
): void {
  checkPortNames(slice.ports.length > 1 ? slice.ports : [], report)
  const expected = { IPv4: 'an IPv4 address', IPv6: 'an IPv6 address', FQDN: 'a DNS name' }[slice.addressType]
  for (const [index, { addresses }] of slice.endpoints.entries()) {
    for (const [number, address] of addresses.entries()) {
      if (typeOf(address) === slice.addressType) continue
      report.error(
        `expected ${expected}, because addressType is ${slice.addressType}; found ${JSON.stringify(address)}`,
        ['endpoints', index, 'addresses', number],
      )
    }
  }
}

function typeOf(address: string): EndpointSlice['addressType'] | undefined {
  const family = ipFamily(address)
  if (family !== undefined) return family === 4 ? 'IPv4' : 'IPv6'
  return isDnsSubdomain(address.replace(/\.$/, '')) ? 'FQDN' : undefined
}

/** Ports of Services and endpoints are named by DNS labels; containers use the shorter port names. */
function dnsLabelOrEmpty(): Decoder<string> {
  return { expected: dnsLabel.expected, read: (value, report) => (value === '' ? '' : dnsLabel.read(value, report)) }
}
