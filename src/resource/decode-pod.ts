/**
 * Pod, the Pod templates of workloads, and Node: as much of them as says where endpoints are and when they are ready.
 */
import type { Bad, Decoder } from './decoder.ts'
import {
  bad,
  emptyAsAbsent,
  integer,
  list,
  mapped,
  object,
  oneOf,
  optional,
  string,
  stringMap,
  withDefault,
  words,
} from './decoder.ts'
import { templateMetadata } from './decode-metadata.ts'
import { portNumber, portRef, protocol } from './decode-service.ts'
import { dnsLabel, dnsSubdomain, ipAddress, portName } from './name.ts'
import type { Container, Node, Pod, PodSpec, Probe, Workload } from './resource.ts'

const seconds = integer(0, 2 ** 31 - 1)
const positiveSeconds = integer(1, 2 ** 31 - 1)

const httpGet = object({
  scheme: withDefault(oneOf('HTTP', 'HTTPS'), 'HTTP'),
  host: optional(string),
  port: portRef,
  path: withDefault(string, '/'),
  httpHeaders: list(object({ name: string, value: withDefault(string, '') })),
})

const anything: Decoder<true> = { expected: 'anything', read: () => true }

const probe: Decoder<Probe> = mapped(
  object(
    {
      httpGet: optional(httpGet),
      tcpSocket: optional(object({ host: optional(string), port: portRef })),
      grpc: optional(object({ port: portNumber, service: withDefault(string, '') })),
      exec: optional(anything),
      initialDelaySeconds: withDefault(seconds, 0),
      periodSeconds: withDefault(positiveSeconds, 10),
      timeoutSeconds: withDefault(positiveSeconds, 1),
      successThreshold: withDefault(positiveSeconds, 1),
      failureThreshold: withDefault(positiveSeconds, 3),
    },
    { unused: ['terminationGracePeriodSeconds'] },
  ),
  ({ httpGet: http, tcpSocket, grpc, exec, ...times }, report): Probe | Bad => {
    const actions: Probe['action'][] = []
    if (http !== undefined) {
      const { httpHeaders: headers, path, ...rest } = http
      actions.push({ kind: 'httpGet', ...rest, path: path === '' ? '/' : path, headers })
    }
    if (tcpSocket !== undefined) actions.push({ kind: 'tcpSocket', ...tcpSocket })
    if (grpc !== undefined) actions.push({ kind: 'grpc', ...grpc })
    if (exec !== undefined) actions.push({ kind: 'exec' })
    const [action, ...more] = actions
    if (action === undefined || more.length > 0)
      return report.error(`expected one of httpGet, tcpSocket, grpc, exec; found ${actions.length}`)
    return { action, ...times }
  },
)

const containerPort = object(
  { name: withDefault(portName, ''), containerPort: portNumber, protocol },
  { unused: ['hostPort', 'hostIP'] },
)

const container: Decoder<Container> = object(
  { name: dnsLabel, ports: list(containerPort), readinessProbe: optional(probe) },
  {
    unused: words(`
      image command args workingDir envFrom env resources resizePolicy restartPolicy restartPolicyRules
      volumeMounts volumeDevices livenessProbe startupProbe lifecycle terminationMessagePath
      terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty
    `),
  },
)

const podSpec: Decoder<PodSpec> = object(
  {
    hostname: optional(dnsLabel),
    subdomain: optional(dnsLabel),
    nodeName: optional(dnsSubdomain),
    containers: mapped(list(container), (containers, report) =>
      containers.length > 0
        ? containers
        : report.error('expected at least one container, found none', [], 'missing-field'),
    ),
  },
  {
    unused: words(`
      volumes initContainers ephemeralContainers restartPolicy terminationGracePeriodSeconds
      activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount
      automountServiceAccountToken hostNetwork hostPID hostIPC shareProcessNamespace securityContext
      imagePullSecrets affinity schedulerName tolerations hostAliases priorityClassName priority dnsConfig
      readinessGates runtimeClassName enableServiceLinks preemptionPolicy overhead
      topologySpreadConstraints setHostnameAsFQDN os hostUsers schedulingGates resourceClaims resources
      hostnameOverride workloadRef schedulingGroup
    `),
  },
)

const condition = object({ type: string, status: string }, { unused: ['*'] })

type Condition = { readonly type: string; readonly status: string }

/** A status is written by clusters, not by people: what we do not know in it is nobody's mistake. */
const podStatus = withDefault(
  mapped(
    object(
      {
        podIP: emptyAsAbsent(ipAddress),
        podIPs: list(mapped(object({ ip: ipAddress }, { unused: ['*'] }), ({ ip }) => ip)),
        phase: optional(string),
        conditions: list(condition),
      },
      { unused: ['*'] },
    ),
    ({ podIP, podIPs, phase, conditions }) => ({
      podIPs: podIPs.length > 0 || podIP === undefined ? podIPs : [podIP],
      phase,
      ready: readiness(conditions),
    }),
  ),
  { podIPs: [], phase: undefined, ready: undefined },
)

export const podFields = { spec: podSpec, status: podStatus }

export function toPodStatus(status: Omit<Pod['status'], 'terminating'>, terminating: boolean): Pod['status'] {
  return { ...status, terminating }
}

const selector = object({ matchLabels: stringMap, matchExpressions: optional(anything) })

/** For the four kinds together; which kind it is stands outside of `spec`. */
const workloadSpec = mapped(
  object(
    {
      replicas: withDefault(integer(0, 2 ** 31 - 1), 1),
      selector,
      template: object({ metadata: templateMetadata, spec: podSpec }),
    },
    {
      unused: words(`
        strategy minReadySeconds revisionHistoryLimit paused progressDeadlineSeconds updateStrategy
        serviceName podManagementPolicy volumeClaimTemplates persistentVolumeClaimRetentionPolicy ordinals
      `),
    },
  ),
  ({ replicas, selector: { matchLabels }, template }, report) => {
    const before = report.problems.length
    const { labels } = template.metadata
    for (const [name, value] of Object.entries(matchLabels)) {
      if (labels[name] === value) continue
      const found = labels[name] === undefined ? 'no such label' : JSON.stringify(labels[name])
      report.error(
        `expected the template to carry the label ${JSON.stringify(value)} that it is selected by, found ${found} there`,
        ['selector', 'matchLabels', name],
      )
    }
    return report.failedSince(before) ? bad : { replicas, template: { labels, spec: template.spec } }
  },
)

export const workloadFields: { readonly spec: Decoder<Pick<Workload, 'replicas' | 'template'>> } = {
  spec: workloadSpec,
}

const nodeAddress = object({ type: string, address: string }, { unused: ['*'] })

const nodeStatus: Decoder<Node['status']> = withDefault(
  mapped(
    object({ addresses: list(nodeAddress), conditions: list(condition) }, { unused: ['*'] }),
    ({ addresses, conditions }) => ({ addresses, ready: readiness(conditions) }),
  ),
  { addresses: [], ready: undefined },
)

export const nodeFields = { status: nodeStatus }

function readiness(conditions: readonly Condition[]): boolean | undefined {
  const ready = conditions.find((each) => each.type === 'Ready')
  return ready === undefined ? undefined : ready.status === 'True'
}
