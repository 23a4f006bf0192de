/**
 * What Kubernetes accepts as a name, and in which words to ask for one.
 */
import { domainToASCII } from 'node:url'
import { ipFamily } from '#lib/ip-literal.ts'
import { stringThat } from './decoder.ts'

const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?'
const labelPattern = new RegExp(`^${label}$`)
/** The API server bounds a subdomain as a whole, not its labels. */
const subdomainPattern = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/

/** RFC 1123 label: what Services, namespaces and container ports are named by. */
function isDnsLabel(text: string): boolean {
  return labelPattern.test(text)
}

/** RFC 1123 subdomain: what most objects are named by. */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && subdomainPattern.test(text)
}

/** RFC 6335 section 5.1: 1 to 15 of `a-z0-9-`, at least one letter, no hyphen at an end or beside another. */
export function isPortName(text: string): boolean {
  return text.length <= 15 && /^(?!.*--)(?=.*[a-z])[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text)
}

/** The key of a label or an annotation: `name` or `prefix/name`. */
export function isQualifiedName(text: string): boolean {
  const slash = text.indexOf('/')
  const prefix = text.slice(0, Math.max(0, slash))
  if (slash >= 0 && !isDnsSubdomain(prefix)) return false
  return /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(text.slice(slash + 1))
}

export function isLabelValue(text: string): boolean {
  return /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/.test(text)
}

export const dnsLabel = stringThat(
  'a DNS label (a-z, 0-9 and -, at most 63 characters)',
  isDnsLabel,
  suggestLowerCase(isDnsLabel),
)
export const dnsSubdomain = stringThat(
  'a DNS name (a-z, 0-9, - and ., at most 253 characters)',
  isDnsSubdomain,
  suggestLowerCase(isDnsSubdomain),
)
export const portName = stringThat(
  'a port name (at most 15 of a-z, 0-9 and -, with a letter)',
  isPortName,
  suggestLowerCase(isPortName),
)
export const ipAddress = stringThat('an IP address', (text) => ipFamily(text) !== undefined)

/** A host of an Ingress: a DNS name, or one with `*` for its first label. */
export const ingressHost = stringThat('a host such as shop.example.com or *.example.com', isIngressHost, hostHint)

function isIngressHost(text: string): boolean {
  const rest = text.startsWith('*.') ? text.slice(2) : text
  return text.length <= 253 && isDnsSubdomain(rest) && ipFamily(text) === undefined
}

function hostHint(text: string): string {
  if (ipFamily(text.replace(/^\[(.*)\]$/, '$1')) !== undefined)
    return ': an IP address cannot be a host; leave the host out to match every host'
  if (text === '*') return ': leave the host out to match every host'
  if (/^[a-z]+:\/\//i.test(text)) return ': a host has no scheme'
  if (text.includes('/')) return ': a host has no path; paths go under http.paths'
  if (/:\d*$/.test(text)) return ': a host has no port; every port is matched'
  if (text.includes('*')) return ': only the whole first label may be *'
  if (text.endsWith('.')) return ': leave the final dot out'
  const ascii = domainToASCII(text)
  return ascii !== '' && ascii !== text && isIngressHost(ascii) ? ` (did you mean ${ascii}?)` : ''
}

function suggestLowerCase(test: (text: string) => boolean): (text: string) => string {
  return (text) => {
    const guess = text.toLowerCase().replaceAll('_', '-')
    return guess !== text && test(guess) ? ` (did you mean ${guess}?)` : ''
  }
}
