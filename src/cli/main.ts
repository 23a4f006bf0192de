/**
 * The command line: picks the command, decodes its flags, and turns mistakes into sentences and exit codes.
 */
import { Command as Program, CommanderError, Option } from 'commander'
import { didYouMean } from '#lib/nearest.ts'
import type { Command, Io } from './command.ts'
import { decodeFlags, envName, type Flag, flags, type GivenFlags, unknownFlags, unknownVariables } from './flags.ts'
import { type ExitCode, UserError } from './user-error.ts'
import { readVersion } from './version.ts'

/** In the order of `--help`. Only the one that runs is loaded: a check should not wait for a front door. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  dev: async () => (await import('./dev.ts')).devCommand,
  dns: async () => (await import('./dns.ts')).dnsCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  routes: async () => (await import('./routes.ts')).routesCommand,
  explain: async () => (await import('./explain.ts')).explainCommand,
  test: async () => (await import('./test.ts')).testCommand,
  version: async () => (await import('./version.ts')).versionCommand,
}

/** Runs one command and resolves with the exit code. Never rejects. `argv` is without the two words before it. */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<ExitCode> {
  let code: ExitCode = 0
  const program = buildProgram(io)
  const wanted = Object.entries(commands).filter(([name]) => name === argv[0])
  try {
    rejectUnknownCommand(argv)
    for (const command of await Promise.all(
      (wanted.length > 0 ? wanted : Object.entries(commands)).map(([, load]) => load()),
    )) {
      const run = async (given: GivenFlags, operands: readonly string[]): Promise<void> => {
        code = await runCommand({ command, argv: argv.slice(1), given, operands, io })
      }
      program.addCommand(buildCommand(command, io, run))
    }
    await program.parseAsync([...argv], { from: 'user' })
    return code
  } catch (error) {
    return report(error, argv, io)
  }
}

type RunInit = {
  readonly command: Command
  readonly argv: readonly string[]
  readonly given: GivenFlags
  readonly operands: readonly string[]
  readonly io: Io
}

async function runCommand({ command, argv, given, operands, io }: RunInit): Promise<ExitCode> {
  const decoded = decodeFlags({ keys: command.flags, given, env: io.env, fallbacks: command.fallbacks })
  const known: readonly Flag<unknown>[] = command.flags.map((key) => flags[key])
  const problems = [...unknownFlags(argv, known), ...decoded.problems]
  if (problems.length > 0) throw new UserError([...problems, `see \`genkan ${command.name} --help\``].join('\n'), 2)
  if (command.operands.startsWith('<') && operands.length === 0) {
    throw new UserError(`${command.name} wants ${command.operandHelp}\nsee \`genkan ${command.name} --help\``, 2)
  }
  for (const warning of unknownVariables(io.env)) io.err(`genkan: ${warning}\n`)
  return command.run({ operands, flags: decoded.values, io })
}

function buildProgram(io: Io): Program {
  return new Program('genkan')
    .description('Genkan, the front door: drop Kubernetes Ingress YAML into a folder and it is served.')
    .usage('COMMAND [operands] [flags]')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand('help [command]', 'what a command does and which flags it takes')
    .configureOutput({ writeOut: io.out, writeErr: io.out })
    .configureHelp({
      subcommandTerm: (command) => `${command.name()} ${command.usage()}`.replace(/ ?\[(flags|command)\]$/, ''),
      helpWidth: 120,
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Start with:
  genkan dev examples/quickstart            a whole front door on this machine, with stand-ins for the Pods
  genkan check manifests                    what is wrong in a folder, line by line
  genkan explain https://shop.example/cart manifests

Every flag is also an environment variable: --http-port is GENKAN_HTTP_PORT. The flag wins.
\`genkan COMMAND --help\` lists a command's flags.`,
    )
}

function buildCommand(
  command: Command,
  io: Io,
  run: (given: GivenFlags, operands: readonly string[]) => Promise<void>,
): Program {
  const program = new Program(command.name)
    .summary(command.summary)
    .description(`${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`)
    .usage(`${command.operands}${command.operands === '' ? '' : ' '}[flags]`)
    .configureOutput({ writeOut: io.out, writeErr: io.out })
    .configureHelp({ helpWidth: 140 })
    .helpOption('-h, --help', 'print this')
    .exitOverride()
    // Unknown flags are found by unknownFlags, which finds all of them; commander would stop at the first.
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', command.notes === '' ? '' : `\n${command.notes}`)
  const given = new Map<string, string>()
  for (const key of command.flags)
    addFlag(program, { ...flags[key], fallback: command.fallbacks[key] ?? flags[key].fallback }, given)
  return program.action(() => run(given, program.args))
}

function addFlag(program: Program, flag: Flag<unknown>, given: Map<string, string>): void {
  const { placeholder, separator } = flag.grammar
  const fallback =
    flag.fallback === undefined || flag.fallback === '' || placeholder === '' ? '' : ` (default: ${flag.fallback})`
  const option = new Option(`--${flag.name}${placeholder === '' ? '' : ` <${placeholder}>`}`, `${flag.help}${fallback}`)
  program.addOption(option.helpGroup(`${flag.group}:`))
  program.on(`option:${flag.name}`, (value: string | null) => {
    const before = given.get(flag.name)
    given.set(
      flag.name,
      before !== undefined && separator !== undefined ? `${before}${separator}${value}` : (value ?? 'true'),
    )
  })
}

function rejectUnknownCommand(argv: readonly string[]): void {
  const [first] = argv
  const names = [...Object.keys(commands), 'help']
  if (first === undefined || names.includes(first) || ['--help', '-h', '--version'].includes(first)) return
  const complaint = first.startsWith('-')
    ? `flags stand behind the command, as in \`genkan serve ${first} …\``
    : `there is no command ${first}${didYouMean(first, names)}`
  throw new UserError(`${complaint}\nsee \`genkan --help\``, 2)
}

function report(error: unknown, argv: readonly string[], io: Io): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === 'commander.help') return argv.length === 0 ? 2 : 0
    return 2
  }
  if (error instanceof UserError) {
    const [first = '', ...rest] = error.message.split('\n')
    io.err([`genkan: ${first}`, ...rest.map((line) => `        ${line}`), ''].join('\n'))
    return error.exitCode
  }
  const known = error instanceof Error ? error : new Error(String(error))
  const wantsStack = io.env[envName('log-level')] === 'debug' || /--log-level[= ]debug/.test(argv.join(' '))
  io.err(
    wantsStack
      ? `genkan: ${known.stack ?? known.message}\n`
      : `genkan: ${known.message}\n        this should not happen; --log-level debug says where it did\n`,
  )
  return 1
}

function processIo(): Io {
  // A reader that has seen enough (`genkan routes … | head`) is no reason to fail, let alone to stop serving.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  return {
    env: process.env,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    isTerminal: process.stderr.isTTY,
  }
}
