/**
 * The contract of a peer: how one proxy is configured, started and told to read its configuration again. Its
 * configuration stands beside it as a file people can read, with {{names}} where ports and paths go.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Children } from './children.ts'
import type { Setup } from './scenario.ts'

/** Everything a configuration may depend on. */
export type Place = {
  /** A folder of the peer's own. */
  readonly dir: string
  readonly http: number
  readonly https: number
  readonly admin: number
  /** Ports of the endpoints: one, or two for sticky sessions. */
  readonly origins: readonly number[]
  readonly hosts: readonly string[]
  /** Paths of PEM files: the certificate, its key, and both in one. */
  readonly certificate: { readonly chain: string; readonly key: string; readonly both: string }
  readonly setup: Setup
  /** Counts the configurations; a rule for `generationHost` of it is part of each when the scenario changes them. */
  readonly generation: number
  /** Whether a rule for the generation is wanted. */
  readonly changing: boolean
}

export type Launch = {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** File that gets its standard output. */
  readonly output?: string
}

export type Presence = { readonly version: string } | { readonly missing: string }

export type Peer = {
  readonly name: string
  /**
   * Why it is no equal of the others: it opens a connection to the endpoint for every request. Only a peer that says so
   * may do so; the sentence stands wherever its numbers do, and it is never called a winner.
   */
  readonly unequal?: string
  /** Whether it is here, and which. */
  readonly find: (children: Children) => Promise<Presence>
  /** Why it has nothing like this set-up; `undefined` when it has. */
  readonly lacks: (setup: Setup, protocol: 'http' | 'https' | 'h2') => string | undefined
  /** Writes the configuration. */
  readonly write: (place: Place) => void
  readonly launch: (place: Place) => Launch
  /** What the answers cannot show: why the running process does not do what it should; `undefined` when all is well. */
  readonly verify?: (place: Place) => string | undefined
  /** Makes the running process (`pid`) live by the place's newer generation. Absent: it would have to be restarted. */
  readonly reload?: (place: Place, pid: number) => Promise<void> | void
}

export type Values = { readonly [name: string]: string | number | boolean | readonly Values[] }

/** Reads a template of this peer's folder and fills it in. */
export function fillFile(peer: string, file: string, values: Values): string {
  return fill(readFileSync(join(import.meta.dirname, '..', 'peers', peer, file), 'utf8'), values)
}

/**
 * `{{name}}` is replaced by a value, `{{#name}}…{{/name}}` is there when it is true and once per item when it is a list
 * whose names are added to the others, `{{^name}}…{{/name}}` when it is false or empty. Throws for a name without value.
 */
export function fill(template: string, values: Values): string {
  const sections = template.replaceAll(/([ \t]*)\{\{([#^])(\w+)\}\}\n?(.*?)\{\{\/\3\}\}\n?/gs, (...match) => {
    const [, indent, kind, name, body] = match as unknown as readonly string[]
    const value = known(values, name!)
    const items = Array.isArray(value) ? (value as readonly Values[]) : value === false ? [] : [{}]
    // Spaces in front of a marker that stands in a line of its own belong to the marker.
    const inner = body!.includes('\n') ? body! : `${indent}${body}`
    if (kind === '^') return items.length === 0 ? fill(inner, values) : ''
    return items.map((item) => fill(inner, { ...values, ...item })).join('')
  })
  return sections.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => textOf(known(values, name)))
}

function textOf(value: Values[string]): string {
  if (typeof value === 'object') throw new Error('a template asks for the text of a list')
  return String(value)
}

function known(values: Values, name: string): Values[string] {
  const value = values[name]
  if (value === undefined) throw new Error(`a template asks for {{${name}}}, which has no value`)
  return value
}

/** What most templates need. */
export function valuesOf(place: Place, generationHost: string): Values {
  const { setup, hosts, changing } = place
  const { chain, key, both } = place.certificate
  return {
    dir: place.dir,
    http: place.http,
    https: place.https,
    admin: place.admin,
    chain,
    key,
    both,
    workers: setup.workers,
    rateLimit: setup.rateLimit,
    sticky: setup.sticky,
    accessLog: setup.accessLog,
    tls: setup.tls,
    streams: setup.streams,
    webSockets: setup.webSockets,
    origins: place.origins.map((port, index) => ({ port, session: `endpoint-${index}` })),
    hosts: [...hosts, ...(changing ? [generationHost] : [])].map((host, index) => ({ host, index })),
  }
}
