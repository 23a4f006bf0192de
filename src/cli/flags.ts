/**
 * Every flag there is, as data. Each is also an environment variable: `--http-port` is `GENKAN_HTTP_PORT`; the flag
 * wins. Values are decoded once, here, and all mistakes are told at once.
 *
 * To add a flag: a line in the table, its key in the commands that take it, and what it means in settings.ts.
 */
import { didYouMean, nearest } from '#lib/nearest.ts'
import {
  address,
  adminUrl,
  boolean,
  cidr,
  count,
  discoveryMode,
  domain,
  duration,
  fields,
  type Grammar,
  hostPort,
  list,
  objectName,
  oneOf,
  orWord,
  path,
  port,
  serviceName,
  word,
} from './grammar.ts'
import { limitFlags } from './limit-flags.ts'

export type FlagGroup = 'Listening' | 'Routing' | 'Discovery' | 'Requests' | 'Running' | 'Output' | 'Limits'

export type Flag<Value> = {
  /** Without the dashes. */
  readonly name: string
  readonly group: FlagGroup
  readonly help: string
  readonly grammar: Grammar<Value>
  /** Text in the flag's own grammar; `undefined` when an unset flag has no value. */
  readonly fallback: string | undefined
}

const listening = inGroup('Listening')
const routing = inGroup('Routing')
const finding = inGroup('Discovery')
const requests = inGroup('Requests')
const running = inGroup('Running')
const printing = inGroup('Output')

export const flags = {
  httpPort: listening('http-port', port, '80', 'port for HTTP; 0 picks a free one'),
  httpsPort: listening('https-port', port, '443', 'port for HTTPS (HTTP/2 and HTTP/1.1); 0 picks a free one'),
  bind: listening('bind', address, '::', 'address to listen on; :: is every address of both families'),
  admin: listening(
    'admin',
    orWord(hostPort(undefined), 'off'),
    '127.0.0.1:9901',
    'health, metrics, JSON API and dashboard',
  ),
  trustedProxies: listening('trusted-proxies', list(cidr), '', 'whose X-Forwarded-… fields are believed'),
  proxyProtocol: listening(
    'proxy-protocol',
    orWord(list(cidr), 'all'),
    '',
    'whose connections begin with a header of the PROXY protocol, on both ports',
  ),

  ingressClasses: routing(
    'ingress-class',
    list(word, 1),
    'genkan,nginx',
    'classes to serve; Ingresses that name none are served too',
  ),
  compat: routing(
    'compat',
    oneOf('none', 'ingress-nginx'),
    'none',
    'ingress-nginx switches safer defaults back to its own',
  ),
  defaultBackend: optional(
    routing(
      'default-backend-service',
      serviceName,
      '',
      'who gets requests that no rule takes, and custom-http-errors; its first port, or PORT',
    ),
  ),
  allowSnippets: routing(
    'allow-snippets',
    oneOf('none', 'safe'),
    'none',
    'safe interprets snippets where all of their statements can be, never runs them',
  ),
  configMap: optional(routing('config-map', objectName, '', 'the ConfigMap with the global keys of ingress-nginx')),

  discovery: finding(
    'discovery',
    list(discoveryMode, 1),
    'slices,pods,dns',
    'ways to find endpoints, in the order to try',
  ),
  clusterDns: finding('cluster-dns', list(hostPort(53)), '', 'DNS servers to ask; those of the system when not given'),
  clusterDomain: finding('cluster-domain', domain, 'cluster.local', 'domain that Service names end in'),
  dnsForm: finding(
    'dns-form',
    oneOf('auto', 'svc', 'endpoints'),
    'auto',
    'ask for NAME.NAMESPACE.svc, .endpoints (OpenShift) or both',
  ),
  nodeName: optional(finding('node-name', word, '', 'our node, for externalTrafficPolicy Local with node ports')),

  forwarded: requests('forwarded', boolean, 'false', 'send the standard Forwarded field to endpoints, too'),
  exposeCause: requests(
    'expose-cause',
    boolean,
    'false',
    'name the cause of a failure in the response field x-genkan-cause',
  ),
  accessLog: requests(
    'access-log',
    orWord(path, 'off'),
    '-',
    'a JSON line per request to this file; - is standard output',
  ),

  workers: running('workers', orWord(count(1), 'auto'), 'auto', 'threads that move requests; auto is one per core'),
  lane: running('lane', oneOf('auto', 'general'), 'auto', 'which HTTP engine serves'),
  drainTimeout: running('drain-timeout', duration, '30s', 'how long requests in flight may take to finish on SIGTERM'),
  affinityKeyFile: optional(
    running(
      'affinity-key-file',
      path,
      '',
      'a secret that signs the cookies of sticky sessions; share it between replicas',
    ),
  ),
  stateDir: optional(
    running(
      'state-dir',
      path,
      '',
      'folder to keep such a secret in when none is given; ~/.local/state/genkan if not set',
    ),
  ),
  portsFile: optional(running('ports-file', path, '', 'write the chosen ports there as JSON once everything listens')),

  logLevel: printing(
    'log-level',
    oneOf('debug', 'info', 'warn', 'error', 'silent'),
    'info',
    'least important message to print on standard error',
  ),
  logFormat: printing(
    'log-format',
    oneOf('auto', 'json', 'pretty'),
    'auto',
    'auto is pretty on a terminal and json elsewhere',
  ),
  output: printing('output', oneOf('text', 'json'), 'text', 'form of the answer'),
  report: printing('output', oneOf('text', 'json', 'markdown'), 'text', 'form of the answer'),
  strict: printing('strict', boolean, 'false', 'warnings fail, too'),

  dnsListen: listening(
    'listen',
    hostPort(53),
    '127.0.0.1:53',
    'address to answer on, over UDP and TCP; port 0 picks a free one',
  ),
  runningDoor: optional(
    routing('admin', orWord(adminUrl, 'off'), '', 'ask the front door that runs there, instead of folders'),
  ),
  method: requests('method', word, 'GET', 'method of the request to explain'),
  header: requests('header', fields, '', 'a field of that request, "name: value"; may be repeated'),
  scenarioLane: running(
    'lane',
    oneOf('general', 'fast', 'both'),
    'both',
    'engines to test; both is every engine this build has',
  ),

  ...limitFlags,
} as const

export type FlagKey = keyof typeof flags
export type FlagValue<Key extends FlagKey> = (typeof flags)[Key] extends Flag<infer Value> ? Value : never
export type FlagValues<Key extends FlagKey> = { readonly [Each in Key]: FlagValue<Each> } & {
  /** Names of the flags that the command line or the environment gives, whatever their value. */
  readonly given?: ReadonlySet<string>
}

/** Flag names to the texts given on the command line; a switch that was given is `true`. */
export type GivenFlags = ReadonlyMap<string, string>

export type DecodedFlags<Key extends FlagKey> = {
  readonly values: FlagValues<Key>
  /** Sentences; `values` are only to be used when there is none. */
  readonly problems: readonly string[]
}

export type DecodeInit<Key extends FlagKey> = {
  readonly keys: readonly Key[]
  readonly given: GivenFlags
  readonly env: Readonly<Record<string, string | undefined>>
  /** What a command does differently from the table. */
  readonly fallbacks?: Readonly<Partial<Record<FlagKey, string>>>
}

export function decodeFlags<Key extends FlagKey>({
  keys,
  given,
  env,
  fallbacks = {},
}: DecodeInit<Key>): DecodedFlags<Key> {
  const values: Partial<Record<FlagKey, unknown>> = {}
  const problems: string[] = []
  const named = new Set<string>()
  for (const key of keys) {
    const one: Flag<unknown> = flags[key]
    const variable = envName(one.name)
    const fromFlag = given.get(one.name)
    const written = fromFlag ?? readEnv(env, variable)
    if (written !== undefined) named.add(one.name)
    const text = written ?? fallbacks[key] ?? one.fallback
    if (text === undefined) continue
    const value = one.grammar.parse(text)
    if (value !== undefined) values[key] = value
    else
      problems.push(
        `${fromFlag === undefined ? variable : `--${one.name}`}: expected ${one.grammar.expected}, found ${quote(text)}`,
      )
  }
  // Every key is now decoded by its own grammar, has no fallback and may be undefined, or is among the problems.
  return { values: { ...(values as FlagValues<Key>), given: named }, problems }
}

/** One sentence for each flag that no command or another one has, naming the nearest of `known`. */
export function unknownFlags(argv: readonly string[], known: readonly Flag<unknown>[]): string[] {
  const byName = new Map(known.map((each) => [each.name, each]))
  const names = known.map((each) => `--${each.name}`)
  const problems: string[] = []
  for (let index = 0; index < argv.length && argv[index] !== '--'; index += 1) {
    const match = /^--?([^=]+)(=.*)?$/s.exec(argv[index]!)
    if (match === null || match[1] === 'help' || argv[index] === '-h') continue
    const one = argv[index]!.startsWith('--') ? byName.get(match[1]!) : undefined
    if (one === undefined)
      problems.push(
        `${argv[index]!.split('=')[0]}: there is no such flag${didYouMean(argv[index]!.split('=')[0]!, names)}`,
      )
    else if (one.grammar.placeholder === '' && match[2] !== undefined) problems.push(`--${one.name}: it takes no value`)
    else if (one.grammar.placeholder !== '' && match[2] === undefined) index += 1
  }
  return problems
}

/** Warnings about variables that are almost ours. Those that Kubernetes sets for a Service named genkan are not. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(Object.values(flags).map((each) => envName(each.name)))
  const ours = Object.keys(env).filter((name) => name.startsWith('GENKAN_') && !known.has(name))
  const slips = ours.map((name) => [name, nearest(name, known)] as const)
  return slips
    .filter(([, meant]) => meant !== undefined)
    .map(([name, meant]) => `${name} is no variable of ours and has no effect; do you mean ${meant}?`)
}

/** `http-port` is `GENKAN_HTTP_PORT`. */
export function envName(name: string): string {
  return `GENKAN_${name.toUpperCase().replaceAll('-', '_')}`
}

function readEnv(env: Readonly<Record<string, string | undefined>>, variable: string): string | undefined {
  const text = env[variable]
  // Kubernetes describes a Service named genkan-http to its Pods as GENKAN_HTTP_PORT=tcp://10.0.0.1:80.
  return text === undefined || text === '' || /^(tcp|udp|sctp):\/\//.test(text) ? undefined : text
}

function quote(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text)
}

function inGroup(group: FlagGroup) {
  return <Value>(name: string, grammar: Grammar<Value>, fallback: string, help: string): Flag<Value> => ({
    name,
    group,
    help,
    grammar,
    fallback,
  })
}

function optional<Value>(one: Flag<Value>): Flag<Value | undefined> {
  return { ...one, fallback: undefined }
}
