/**
 * The command line of `npm run bench:proxy`.
 */
import { parseArgs } from 'node:util'
import { peers } from './peers.ts'
import { scenarios } from './scenario.ts'

export type Options = {
  /** Names of scenarios, in their own order. */
  readonly scenarios: readonly string[]
  readonly peers: readonly string[]
  readonly rounds: number
  readonly seconds: number
  readonly json: string
  /** The file of a run to go on with. */
  readonly resume: string | undefined
  readonly svg: string | undefined
  readonly driver: 'auto' | 'wrk' | 'autocannon'
}

/** Sentences about what is wrong with the command line; none when it asks for help. */
export type Refused = { readonly problems: readonly string[] }

/** What may be written on a command line for a name with signs and spaces in it. */
const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')

export const usage = `npm run bench:proxy [-- scenario… --peers a,b --without c,d --rounds N --seconds S --json FILE --svg FILE --resume FILE
                      --driver auto|wrk|autocannon --quick]

scenarios: ${scenarios.map(({ name }) => name).join(', ')}
peers: ${peers.map(({ name }) => slugOf(name)).join(', ')}
--peers and --without take some of them or leave some out; all that are installed are the default
--resume goes on with the file of a run that was broken off: the same command again, and the file
--quick is 2 rounds of 1 second: to see that everything works, not to learn who is fast`

const results = 'bench/results'

const flags = {
  help: { type: 'boolean', short: 'h', default: false },
  peers: { type: 'string', multiple: true },
  without: { type: 'string', multiple: true },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  json: { type: 'string' },
  resume: { type: 'string' },
  svg: { type: 'string' },
  driver: { type: 'string', default: 'auto' },
  quick: { type: 'boolean', default: false },
} as const

export function readOptions(argv: readonly string[]): Options | Refused {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: flags, allowPositionals: true })
    return values.help ? { problems: [] } : optionsOf(values, positionals)
  } catch (error) {
    // What it says of a flag it does not know names the flag.
    return { problems: [error instanceof Error ? error.message : String(error)] }
  }
}

type Values = ReturnType<typeof parseArgs<{ readonly options: typeof flags }>>['values']

function optionsOf(values: Values, positionals: readonly string[]): Options | Refused {
  const problems: string[] = []
  const rounds = whole('--rounds', values.rounds ?? (values.quick ? '2' : '5'), 20, problems)
  const seconds = whole('--seconds', values.seconds ?? (values.quick ? '1' : '5'), 60, problems)
  const chosen = select(
    'scenario',
    listed(positionals),
    scenarios.map(({ name }) => name),
    problems,
  )
  const names = peers.map(({ name }) => name)
  const racing = select('peer', listed(values.peers), names, problems)
  const left = listed(values.without)
  const out = left.length === 0 ? [] : select('peer', left, names, problems)
  const { driver, resume, svg } = values
  const json = values.json ?? resume ?? `${results}/proxy.json`
  if (driver !== 'auto' && driver !== 'wrk' && driver !== 'autocannon')
    return { problems: [...problems, `there is no driver ${driver}`] }
  return problems.length > 0
    ? { problems }
    : {
        scenarios: chosen,
        peers: racing.filter((name) => !out.includes(name)),
        rounds,
        seconds,
        json,
        resume,
        svg,
        driver,
      }
}

function whole(name: string, text: string, most: number, problems: string[]): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > most)
    problems.push(`${name} is a whole number from 1 to ${most}`)
  return value
}

function listed(texts: readonly string[] = []): string[] {
  return texts.flatMap((text) => text.split(',')).filter((text) => text !== '')
}

function select(
  what: string,
  wanted: readonly string[],
  known: readonly string[],
  problems: string[],
): readonly string[] {
  const same = (a: string, b: string): boolean => slugOf(a) === slugOf(b)
  for (const each of wanted) if (!known.some((name) => same(name, each))) problems.push(`there is no ${what} ${each}`)
  return wanted.length === 0 ? known : known.filter((name) => wanted.some((each) => same(name, each)))
}
