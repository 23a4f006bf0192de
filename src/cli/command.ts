/**
 * The contract of a command. To add one: a file here that calls `defineCommand`, a line in main.ts, a section in
 * docs/cli.md and a test that runs it.
 */
import type { FlagKey, FlagValues } from './flags.ts'
import type { ExitCode } from './user-error.ts'

/** What a command touches of the process around it. */
export type Io = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Both take whole lines, their line ends included. */
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** A person is reading standard error. */
  readonly isTerminal: boolean
}

export type Call<Key extends FlagKey> = {
  readonly operands: readonly string[]
  readonly flags: FlagValues<Key>
  readonly io: Io
}

export type Command = {
  readonly name: string
  /** After the name in the usage line: `<folder...>`, `[folder]`. */
  readonly operands: string
  readonly operandHelp: string
  /** Half a sentence for the list of commands. */
  readonly summary: string
  /** Printed below the flags: examples with what they do, exit codes. */
  readonly notes: string
  readonly flags: readonly FlagKey[]
  readonly fallbacks: Readonly<Partial<Record<FlagKey, string>>>
  /** Throws UserError for mistakes that a person can mend. `flags` holds a decoded value for each of the command's. */
  readonly run: (call: Call<FlagKey>) => Promise<ExitCode>
}

export function defineCommand<Key extends FlagKey>(command: {
  readonly name: string
  readonly operands: string
  readonly operandHelp: string
  readonly summary: string
  readonly notes: string
  readonly flags: readonly Key[]
  readonly fallbacks?: Readonly<Partial<Record<FlagKey, string>>>
  readonly run: (call: Call<Key>) => Promise<ExitCode>
}): Command {
  const { run, fallbacks = {} } = command
  return { ...command, fallbacks, run: (call) => run(call) }
}
