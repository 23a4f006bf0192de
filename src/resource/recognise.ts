/**
 * Which kind is this object, and do we read it?
 */
import { didYouMean, isMapping, quote, words } from './decoder.ts'
import type { Kind } from './decode.ts'
import { kinds } from './decode.ts'
import type { ProblemInit } from './problem.ts'
import type { Value } from './tree.ts'

export type Recognised =
  | { readonly kind: 'known'; readonly decoder: Kind }
  /** `problem` when the author may have meant something else. */
  | { readonly kind: 'ignored'; readonly problem: ProblemInit | undefined }
  | { readonly kind: 'wrong'; readonly problem: ProblemInit }

/** What the object calls itself, as far as it says. */
export type Identity = {
  readonly apiVersion: string | undefined
  readonly kind: string | undefined
  readonly object: string | undefined
}

export function identify(value: Value): Identity {
  if (!isMapping(value)) return { apiVersion: undefined, kind: undefined, object: undefined }
  const kind = textOf(value.get('kind'))
  const metadata = value.get('metadata')
  const name = isMapping(metadata) ? textOf(metadata.get('name')) : undefined
  const namespace = isMapping(metadata) ? textOf(metadata.get('namespace')) : undefined
  return {
    apiVersion: textOf(value.get('apiVersion')),
    kind,
    object: kind === undefined || name === undefined ? undefined : nameOf(kind, namespace, name),
  }
}

function nameOf(kind: string, namespace: string | undefined, name: string): string {
  return kinds.get(kind)?.scope === 'cluster' ? `${kind} ${name}` : `${kind} ${namespace ?? 'default'}/${name}`
}

/** Former API versions of kinds we read, and what their authors have to change. */
const former: Readonly<Record<string, string>> = {
  Ingress:
    'every path needs a pathType, backends say service.name and service.port.number or .name instead of serviceName ' +
    'and servicePort, and spec.backend is spec.defaultBackend',
  IngressClass: 'nothing else changes',
  EndpointSlice: 'endpoints say nodeName and zone instead of topology',
  Deployment: 'spec.selector is required',
  StatefulSet: 'spec.selector is required',
  DaemonSet: 'spec.selector is required',
  ReplicaSet: 'spec.selector is required',
}

/** Kinds of the API groups we read from that we have no use for, so that a misspelt kind is told from a foreign one. */
const otherKinds: Readonly<Record<string, readonly string[]>> = {
  v1: words(`
    Binding ComponentStatus Event LimitRange Namespace PersistentVolume PersistentVolumeClaim PodTemplate
    ReplicationController ResourceQuota ServiceAccount Status List
  `),
  'apps/v1': ['ControllerRevision'],
  'networking.k8s.io/v1': ['NetworkPolicy', 'IPAddress', 'ServiceCIDR'],
  'discovery.k8s.io/v1': [],
}

export function recognise({ apiVersion, kind }: Identity): Recognised {
  if (apiVersion === undefined || kind === undefined)
    return { kind: 'ignored', problem: notKubernetes(apiVersion, kind) }
  const decoder = kinds.get(kind)
  if (decoder === undefined) return { kind: 'ignored', problem: misspelt(apiVersion, kind) }
  if (decoder.apiVersion === apiVersion) return { kind: 'known', decoder }
  return isFormer(apiVersion, decoder.apiVersion)
    ? { kind: 'wrong', problem: wrongVersion(apiVersion, kind, decoder) }
    : { kind: 'ignored', problem: undefined }
}

function notKubernetes(apiVersion: string | undefined, kind: string | undefined): ProblemInit {
  const missing = [apiVersion === undefined ? 'apiVersion' : '', kind === undefined ? 'kind' : '']
    .filter((each) => each !== '')
    .join(' and ')
  return {
    severity: 'warning',
    code: 'not-kubernetes',
    message: `expected a Kubernetes object, found one without ${missing}`,
    instead: 'it is ignored',
  }
}

function misspelt(apiVersion: string, kind: string): ProblemInit | undefined {
  const others = Object.hasOwn(otherKinds, apiVersion) ? otherKinds[apiVersion] : undefined
  if (others === undefined || others.includes(kind) || kind.endsWith('List')) return undefined
  const ours = [...kinds].filter(([, each]) => each.apiVersion === apiVersion).map(([name]) => name)
  const guess = didYouMean(kind, [...ours, ...others])
  if (guess === '') return undefined
  return {
    severity: 'warning',
    code: 'unknown-kind',
    message: `${apiVersion} has no kind ${quote(kind)}${guess}`,
    instead: 'it is ignored',
    at: ['kind'],
  }
}

/** The same group in another version, a group the kind lived in before, or one with a slip of the pen. */
function isFormer(found: string, expected: string): boolean {
  const foundGroup = groupOf(found)
  const group = groupOf(expected)
  return (
    foundGroup === group ||
    foundGroup === 'extensions' ||
    (group !== '' && didYouMean(foundGroup, [group]) !== '') ||
    (foundGroup === '' && group !== '')
  )
}

function wrongVersion(apiVersion: string, kind: string, decoder: Kind): ProblemInit {
  const isOld = /(?:beta|alpha)\d+$/.test(apiVersion)
  const change = isOld && Object.hasOwn(former, kind) ? `; in ${decoder.apiVersion} ${former[kind]}` : ''
  return {
    severity: 'error',
    code: isOld ? 'old-api-version' : 'wrong-api-version',
    message: `expected apiVersion ${decoder.apiVersion} for kind ${kind}, found ${quote(apiVersion)}${change}`,
    at: ['apiVersion'],
  }
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
}

function textOf(value: Value | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
