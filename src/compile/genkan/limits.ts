/** Our own annotations about rates and numbers of requests. */
import { parseCidr } from '#lib/cidr.ts'
import { parseDuration } from '#lib/duration.ts'
import type { ConcurrencyLimitConfig } from '#policy/concurrency-limit.ts'
import type { LimitKey } from '#policy/limit-key.ts'
import type { RateLimitConfig, RateWindow } from '#policy/rate-limit.ts'
import type { AnnotationGroup } from '../annotation.ts'
import { honoured } from '../annotation.ts'
import type { LimitWishes } from '../guards.ts'
import type { Scope } from '../setting.ts'
import { report } from '../setting.ts'

const options =
  '`key client`, `key header NAME`, `key cookie NAME`, `key path`, `key route` (client); `exempt CIDR …`; `status CODE` (429); `shadow`'

export const ownLimits: AnnotationGroup = {
  title: 'Limits',
  rows: [
    honoured(
      'rate-limit',
      `one or more of \`COUNT/TIME burst COUNT\`, with commas between, then options behind semicolons: ${options}; \`advertise\``,
      'Such as `100/s burst 20, 1000/h; key header x-api-key`. A request must have room in every window; a burst is the whole count when none is written. TIME is s, m, h, d or a duration such as 10s. `shadow` only writes to the log, `advertise` sends RateLimit fields with every response. Counts are shared by all rules of the Ingress, except with `key route`. A value that cannot be read closes the routes.',
      { guards: true },
    ),
    honoured(
      'concurrency-limit',
      `\`COUNT\`, then options behind semicolons: ${options}; \`queue COUNT wait DURATION\``,
      'Such as `10; queue 5 wait 2s`: ten requests at once, five more wait for up to two seconds. A value that cannot be read closes the routes.',
      { guards: true },
    ),
  ],
}

const shut = 'the routes answer 503 rather than be served without the limit'
const most = 1_000_000

export function readOwnLimits(scope: Scope): LimitWishes {
  const { namespace, name } = scope.resource.metadata
  const id = `${namespace}/${name} own`
  const rates: RateLimitConfig[] = []
  const concurrency: ConcurrencyLimitConfig[] = []
  let closed: string | undefined
  const refuse = (annotation: string, expected: string, because: string): void => {
    report(scope, annotation, { severity: 'error', expected, because, instead: shut })
    closed ??= `${annotation} cannot be read`
  }
  const rateText = scope.value('rate-limit')
  if (rateText !== undefined) {
    const rate = readRate(rateText, id)
    if (typeof rate === 'string')
      refuse('rate-limit', 'windows such as 100/s burst 20, 1000/h and options behind semicolons', rate)
    else rates.push(rate)
  }
  const concurrencyText = scope.value('concurrency-limit')
  if (concurrencyText !== undefined) {
    const limit = readConcurrency(concurrencyText, id)
    if (typeof limit === 'string')
      refuse('concurrency-limit', 'a number such as 10 and options behind semicolons', limit)
    else concurrency.push(limit)
  }
  return { rates, concurrency, closed }
}

/** Or the part that is wrong, quoted. */
function readRate(text: string, id: string): RateLimitConfig | string {
  const [windowsText = '', ...rest] = text.split(';').map((part) => part.trim())
  const windows: RateWindow[] = []
  for (const part of windowsText.split(',')) {
    const window = readWindow(part.trim())
    if (window === undefined) return JSON.stringify(part.trim())
    windows.push(window)
  }
  const read = readOptions(rest, ['advertise'])
  if (typeof read === 'string') return read
  const { key, exempt, status, shadow, others } = read
  return { id, windows, key, exempt, status, shadow, advertise: others.includes('advertise') }
}

function readWindow(text: string): RateWindow | undefined {
  const match = /^(\d{1,7}) ?\/ ?([0-9a-z.]{1,20})(?: +burst +(\d{1,7}))?$/.exec(text)
  if (match === null) return undefined
  const [, count = '', time = '', burst = count] = match
  const windowMs = parseDuration(/^\d/.test(time) ? time : `1${time}`) ?? 0
  const window = { count: Number(count), windowMs, burst: Number(burst) }
  const isFine =
    window.count > 0 &&
    window.count <= most &&
    window.burst > 0 &&
    window.burst <= most &&
    windowMs >= 100 &&
    windowMs <= 31 * 86_400_000
  return isFine ? window : undefined
}

function readConcurrency(text: string, id: string): ConcurrencyLimitConfig | string {
  const [limitText = '', ...rest] = text.split(';').map((part) => part.trim())
  const limit = readNumber(limitText)
  if (limit === undefined || limit === 0) return JSON.stringify(limitText)
  const queueText = rest.find((part) => part.startsWith('queue'))
  const queue = queueText === undefined ? { queue: 0, waitMs: 0 } : readQueue(queueText)
  if (queue === undefined) return JSON.stringify(queueText)
  const read = readOptions(
    rest.filter((part) => part !== queueText),
    [],
  )
  if (typeof read === 'string') return read
  const { key, exempt, status, shadow } = read
  return { id, limit, ...queue, key, exempt, status, shadow }
}

const longestWaitMs = 60_000
const longestQueue = 10_000

function readQueue(text: string): { readonly queue: number; readonly waitMs: number } | undefined {
  const [, count = '', wait = ''] = /^queue +(\d{1,7}) +wait +(\S+)$/.exec(text) ?? []
  const queue = readNumber(count)
  const waitMs = parseDuration(wait)
  return queue === undefined || queue > longestQueue || waitMs === undefined || waitMs > longestWaitMs
    ? undefined
    : { queue, waitMs }
}

type Options = {
  readonly key: LimitKey
  readonly exempt: readonly string[]
  readonly status: number
  readonly shadow: boolean
  readonly others: readonly string[]
}

function readOptions(parts: readonly string[], flags: readonly string[]): Options | string {
  let key: LimitKey = { kind: 'client' }
  let exempt: readonly string[] = []
  let status = 429
  const others: string[] = []
  for (const part of parts.filter((each) => each !== '')) {
    const [word = '', ...values] = part.split(/\s+/)
    const readKeyed = word === 'key' ? readKey(values) : undefined
    if (readKeyed !== undefined) key = readKeyed
    else if (word === 'exempt' && values.length > 0 && values.every((each) => parseCidr(each) !== undefined))
      exempt = values
    else if (word === 'status' && values.length === 1 && /^[45]\d\d$/.test(values[0]!)) status = Number(values[0])
    else if ((word === 'shadow' || flags.includes(word)) && values.length === 0) others.push(word)
    else return JSON.stringify(part)
  }
  return { key, exempt, status, shadow: others.includes('shadow'), others }
}

function readKey([kind = '', name, ...more]: readonly string[]): LimitKey | undefined {
  if (more.length > 0) return undefined
  if (kind === 'client' || kind === 'path' || kind === 'route') return name === undefined ? { kind } : undefined
  if ((kind !== 'header' && kind !== 'cookie') || name === undefined || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))
    return undefined
  return kind === 'header' ? { kind, name: name.toLowerCase() } : { kind, name }
}

function readNumber(text: string): number | undefined {
  return /^\d{1,7}$/.test(text) && Number(text) <= most ? Number(text) : undefined
}
