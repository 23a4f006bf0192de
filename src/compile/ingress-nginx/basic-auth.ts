/** Annotations about basic authentication, and the Secrets that hold the users. */
import { hashKind } from '#policy/password.ts'
import type { BasicAuthConfig } from '#policy/basic-auth.ts'
import { problemOf } from '#resource/problem.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { Secret } from '#resource/resource.ts'
import type { AnnotationRow } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { Scope } from '../setting.ts'
import { mayName, report } from '../setting.ts'

export const basicAuthRows: readonly AnnotationRow[] = [
  honoured(
    'auth-type',
    'basic',
    'Asks for name and password; the backend does not get them. `digest` is refused, because it needs passwords that can be read back: the routes answer 503.',
    { guards: true },
  ),
  honoured(
    'auth-secret',
    '`name` or `namespace/name` of a Secret of the same namespace',
    'Its key `auth` holds lines of `user:hash` as htpasswd writes them: bcrypt, apr1 and crypt MD5, SHA-256 and SHA-512 crypt, {SHA}, {SSHA}. A Secret that is missing or elsewhere closes the routes, and so does one without `auth-type`.',
    { guards: true },
  ),
  honoured(
    'auth-secret-type',
    'auth-file, auth-map (auth-file)',
    'With `auth-map` every key of the Secret is a user and its value the hash.',
  ),
  honoured(
    'auth-realm',
    'letters, digits, blanks and `/ - . _ ~ :` (Authentication Required)',
    'Shown when the browser asks. `off` is a realm like any other and switches nothing off.',
  ),
]

const defaultRealm = 'Authentication Required'
const shut = 'the routes answer 503 rather than be served without it'
const mostUsers = 10_000

export type ReadBasicAuth = { readonly config: BasicAuthConfig | undefined; readonly closed: string | undefined }

export function readBasicAuth(scope: Scope, resources: ResourceSet): ReadBasicAuth {
  const type = scope.value('auth-type')?.trim() ?? ''
  const secretName = scope.value('auth-secret')?.trim() ?? ''
  if (type === '' && secretName === '') return { config: undefined, closed: undefined }
  const refuse = (name: string, message: string): ReadBasicAuth => {
    const problem = {
      severity: 'error',
      code: 'protection-not-possible',
      at: scope.at(name),
      message,
      instead: shut,
    } as const
    scope.problems.push(problemOf(scope.resource, problem))
    return { config: undefined, closed: message }
  }
  if (type === '') return refuse('auth-secret', 'auth-secret does nothing without auth-type: basic')
  if (type === 'digest')
    return refuse('auth-type', 'digest authentication is not offered, because it needs passwords that can be read back')
  if (type !== 'basic') return refuse('auth-type', `auth-type: expected basic, found ${JSON.stringify(type)}`)
  if (secretName === '') return refuse('auth-type', 'auth-type does nothing without auth-secret')
  const { namespace } = scope.resource.metadata
  const [first = '', second] = secretName.split('/')
  const [home, name] = second === undefined ? [namespace, first] : [first, second]
  if (!mayName(scope, home))
    return refuse('auth-secret', `auth-secret: the Secret ${secretName} is in another namespace`)
  const secret = resources.get('Secret', home, name)
  if (secret === undefined) return refuse('auth-secret', `auth-secret: the Secret ${home}/${name} is in no file`)
  const form = scope.value('auth-secret-type')?.trim() || 'auth-file'
  if (form !== 'auth-file' && form !== 'auth-map')
    return refuse('auth-secret-type', `auth-secret-type: expected auth-file or auth-map, found ${JSON.stringify(form)}`)
  const entries = form === 'auth-map' ? mapEntries(secret) : fileEntries(secret)
  if (entries === undefined) return refuse('auth-secret', `auth-secret: the Secret ${home}/${name} has no key auth`)
  return { config: { realm: readRealm(scope), users: usable(scope, secret, entries) }, closed: undefined }
}

type Entry = { readonly name: string; readonly secret: string }

function fileEntries({ data }: Secret): readonly Entry[] | undefined {
  const bytes = data.get('auth')
  if (bytes === undefined) return undefined
  return textOf(bytes)
    .split(/\r?\n/)
    .flatMap((line) => {
      const colon = line.indexOf(':')
      if (colon <= 0 || line.startsWith('#')) return []
      // Behind a second colon there may be a comment.
      return [
        {
          name: line.slice(0, colon).trim(),
          secret: line
            .slice(colon + 1)
            .split(':')[0]!
            .trim(),
        },
      ]
    })
}

function mapEntries({ data }: Secret): readonly Entry[] {
  return [...data].map(([name, bytes]) => ({ name, secret: textOf(bytes).trim() }))
}

/** Hashes are never repeated in a message. */
function usable(scope: Scope, secret: Secret, entries: readonly Entry[]): readonly Entry[] {
  const good = entries.filter((entry) => hashKind(entry.secret) !== undefined).slice(0, mostUsers)
  const bad = entries.filter((entry) => hashKind(entry.secret) === undefined).map(({ name }) => JSON.stringify(name))
  const { namespace, name } = secret.metadata
  const say = (message: string, instead: string): void => {
    scope.problems.push(
      problemOf(scope.resource, {
        severity: 'warning',
        code: 'unusable-password',
        at: scope.at('auth-secret'),
        message,
        instead,
      }),
    )
  }
  if (bad.length > 0) {
    const users = `${bad.slice(0, 3).join(', ')}${bad.length > 3 ? ` and ${bad.length - 3} more` : ''}`
    say(
      `the hash of ${users} in Secret ${namespace}/${name} is of no kind that is honoured: plain text and DES crypt are not`,
      'they cannot sign in; htpasswd -B makes hashes that are',
    )
  }
  if (good.length === 0) say(`the Secret ${namespace}/${name} has no usable user`, 'nobody can sign in')
  return good
}

function readRealm(scope: Scope): string {
  const realm = scope.value('auth-realm')?.trim() ?? ''
  if (realm === '') return defaultRealm
  if (/^[A-Za-z0-9/\-._~: ]+$/.test(realm)) return realm
  report(scope, 'auth-realm', {
    expected: 'letters, digits, blanks and / - . _ ~ :',
    instead: `${JSON.stringify(defaultRealm)} is used`,
  })
  return defaultRealm
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
