/** `genkan version`: what is running. */
import { readFileSync } from 'node:fs'
import { defineCommand } from './command.ts'

export const versionCommand = defineCommand({
  name: 'version',
  operands: '',
  operandHelp: '',
  summary: 'print the versions of Genkan and of the Node it runs on',
  notes: '',
  flags: ['output'],
  run: ({ flags, io }) => {
    const version = readVersion()
    if (flags.output === 'json')
      io.out(
        `${JSON.stringify({ genkan: version, node: process.versions.node, platform: `${process.platform}-${process.arch}` })}\n`,
      )
    else io.out(`genkan ${version} (Node ${process.versions.node}, ${process.platform}-${process.arch})\n`)
    return Promise.resolve(0)
  },
})

/** From package.json, which stands two folders up both in the sources and in what is published. */
export function readVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown'
}
