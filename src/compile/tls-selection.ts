/**
 * `spec.tls` of all our Ingresses → which certificate a server name gets. Per host the first entry of the oldest Ingress
 * counts. A host without a usable certificate is served with the default one, as in ingress-nginx, and reported.
 */
import { toAscii } from '#http/authority.ts'
import type { FieldPath } from '#resource/origin.ts'
import type { Problem, ProblemInit } from '#resource/problem.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Ingress, IngressTls, Secret } from '#resource/resource.ts'
import type { CertificateSpec, TlsHostSpec } from '#snapshot/snapshot.ts'
import type { ParsedCertificate } from './certificate.ts'
import { covers, parseCertificate } from './certificate.ts'

export type TlsSelection = {
  /** Sorted by id; only those that a host uses. */
  readonly certificates: readonly CertificateSpec[]
  /** Sorted by host. */
  readonly hosts: readonly TlsHostSpec[]
  /** Every host that some `spec.tls` names, with a usable certificate or without. */
  readonly named: ReadonlySet<string>
}

type Claim = {
  readonly ingress: Ingress
  readonly at: FieldPath
  readonly secret: string
  readonly certificate: CertificateSpec | undefined
}
type Entry = { readonly ingress: Ingress; readonly tls: IngressTls; readonly at: FieldPath }

/** `ingresses` are ours, oldest first. */
export function selectTls(
  ingresses: readonly Ingress[],
  resources: ResourceSet,
  options: { readonly now: number; readonly problems: Problem[] },
): TlsSelection {
  const selector = new Selector(resources, options)
  for (const ingress of ingresses) {
    for (const [index, tls] of ingress.spec.tls.entries()) selector.add({ ingress, tls, at: ['spec', 'tls', index] })
  }
  return selector.result()
}

class Selector {
  readonly #resources: ResourceSet
  readonly #now: number
  readonly #problems: Problem[]
  readonly #claims = new Map<string, Claim>()
  /** Secrets whose own problems are reported already. */
  readonly #judged = new Set<Secret>()

  constructor(resources: ResourceSet, { now, problems }: { readonly now: number; readonly problems: Problem[] }) {
    this.#resources = resources
    this.#now = now
    this.#problems = problems
  }

  add(entry: Entry): void {
    const certificate = this.#certificateOf(entry)
    if (entry.tls.hosts.length === 0) this.#addHostsOfRules(entry, certificate)
    else for (const [index, host] of entry.tls.hosts.entries()) this.#addHost(entry, { index, host, certificate })
  }

  result(): TlsSelection {
    const claims = [...this.#claims].toSorted(([a], [b]) => (a < b ? -1 : 1))
    const hosts = claims.flatMap(([host, { certificate }]) =>
      certificate === undefined ? [] : [{ host, certificate: certificate.id }],
    )
    const used = new Map(
      claims.flatMap(([, { certificate }]) => (certificate === undefined ? [] : [[certificate.id, certificate]])),
    )
    const certificates = [...used.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    return { certificates, hosts, named: new Set(this.#claims.keys()) }
  }

  #certificateOf({ ingress, tls, at }: Entry): CertificateSpec | undefined {
    const name = tls.secretName ?? ''
    if (name === '') return undefined
    const { namespace } = ingress.metadata
    const secret = this.#resources.get('Secret', namespace, name)
    if (secret === undefined) {
      const message = `there is no Secret ${namespace}/${name}`
      const awaited = Object.keys(ingress.metadata.annotations).some((key) => key.startsWith('cert-manager.io/'))
      const instead = `its hosts get the default certificate${awaited ? ' until cert-manager has made it' : ''}`
      this.#report(ingress, {
        severity: awaited ? 'warning' : 'error',
        code: 'secret-missing',
        at: [...at, 'secretName'],
        message,
        instead,
      })
      return undefined
    }
    const parsed = parseCertificate(secret)
    if (!this.#judged.has(secret)) {
      this.#judged.add(secret)
      this.#judgeSecret(secret, parsed)
    }
    return parsed.kind === 'usable' ? parsed.spec : undefined
  }

  #judgeSecret(secret: Secret, parsed: ParsedCertificate): void {
    const report = (init: ProblemInit): void => {
      this.#problems.push(problemOf(secret, init))
    }
    if (secret.type !== 'kubernetes.io/tls') {
      const message = `expected type kubernetes.io/tls for a Secret that spec.tls names, found ${JSON.stringify(secret.type)}`
      report({
        severity: 'warning',
        code: 'secret-type',
        at: ['type'],
        message,
        instead: 'it is used if it holds a certificate',
      })
    }
    if (parsed.kind === 'unusable') return report(parsed.problem)
    const { notAfter } = parsed.spec
    const at = ['data', 'tls.crt']
    if (notAfter < this.#now) {
      const message = `the certificate expired on ${day(notAfter)}`
      report({
        severity: 'error',
        code: 'certificate-expired',
        at,
        message,
        instead: 'it is served all the same; clients will refuse it',
      })
    } else if (parsed.notBefore > this.#now) {
      const message = `the certificate is not valid before ${day(parsed.notBefore)}`
      report({
        severity: 'warning',
        code: 'certificate-not-valid-yet',
        at,
        message,
        instead: 'it is served all the same; clients will refuse it',
      })
    }
  }

  #addHost(
    { ingress, tls, at }: Entry,
    found: { readonly index: number; readonly host: string; readonly certificate: CertificateSpec | undefined },
  ): void {
    const place = [...at, 'hosts', found.index]
    const host = toAscii(found.host)
    if (host === undefined) {
      const message = `${JSON.stringify(found.host)} is no host name`
      return this.#report(ingress, {
        severity: 'error',
        code: 'invalid-host',
        at: place,
        message,
        instead: 'it is left out',
      })
    }
    const { certificate } = found
    const covered = certificate === undefined || covers(certificate.names, host)
    if (!covered) {
      const message = `the certificate in Secret ${certificate.id} does not cover ${host}; it covers ${list(certificate.names)}`
      this.#report(ingress, {
        severity: 'error',
        code: 'certificate-for-other-host',
        at: place,
        message,
        instead: 'the host gets the default certificate',
      })
    }
    this.#claim(host, {
      ingress,
      at: place,
      secret: tls.secretName ?? '',
      certificate: covered ? certificate : undefined,
    })
  }

  /** An entry without hosts stands for those hosts of the Ingress's rules that its certificate covers. */
  #addHostsOfRules({ ingress, tls, at }: Entry, certificate: CertificateSpec | undefined): void {
    if (certificate === undefined) return
    const hosts = ingress.spec.rules
      .map((rule) => toAscii(rule.host))
      .filter((host) => host !== undefined)
      .filter((host) => covers(certificate.names, host))
    if (hosts.length === 0) {
      const message = `the entry names no hosts, and its certificate covers none of the Ingress's rules; it covers ${list(certificate.names)}`
      this.#report(ingress, { severity: 'warning', code: 'tls-without-hosts', at, message, instead: 'it is not used' })
    }
    for (const host of new Set(hosts)) this.#claim(host, { ingress, at, secret: tls.secretName ?? '', certificate })
  }

  #claim(host: string, claim: Claim): void {
    const first = this.#claims.get(host)
    if (first === undefined) {
      this.#claims.set(host, claim)
      return
    }
    if (secretOf(first) === secretOf(claim)) return
    const { file, line } = first.ingress.origin.locate(first.at)
    const message = `${host} gets its certificate from Ingress ${first.ingress.metadata.namespace}/${first.ingress.metadata.name} (${file}:${line}) already`
    this.#report(claim.ingress, {
      severity: 'warning',
      code: 'tls-conflict',
      at: claim.at,
      message,
      instead: 'the older Ingress counts',
    })
  }

  #report(ingress: Ingress, init: ProblemInit): void {
    this.#problems.push(problemOf(ingress, init))
  }
}

function secretOf(claim: Claim): string {
  return claim.secret === '' ? '' : `${claim.ingress.metadata.namespace}/${claim.secret}`
}

function list(names: readonly string[]): string {
  if (names.length === 0) return 'no host at all'
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
