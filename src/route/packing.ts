/**
 * Routes as one block of memory, laid out for the reader: a table of hosts, then for every host one record that holds
 * its name, its path table and its path labels side by side, so that a match touches few cache lines however many
 * routes there are. Plain data: it may cross a thread boundary as it is.
 *
 * All positions count 32-bit words.
 *
 *   hosts    hostSlots × [hash, record]                     record 0: the slot is free
 *   record   [root, longest, lengths, mask, patterns,       see `field`
 *             label length]
 *            label                                          host name, or `.suffix` for a wildcard
 *            (mask + 1) × [hash, label, prefix, exact]      label 0: the slot is free
 *   label    [length], chars padded to a whole word
 *
 * Routes are indexes into the list given, -1 for none. The path table is keyed by the text of a path: a prefix is kept
 * without trailing slash, so prefix `/` has no text left and lives in the record as `root`. Regular expressions cannot
 * be packed: the record only says that its host has some.
 */
import type { RouteSpec } from '#snapshot/snapshot.ts'
import type { HashKey } from './hash.ts'
import { hashBackward, hashForward } from './hash.ts'

export type PackedRoutes = {
  readonly words: Int32Array
  /** The same memory by char: bytes, or 16-bit units when a label holds a char beyond Latin-1. */
  readonly chars: Uint8Array | Uint16Array
  /** A word position shifted left by this is a char position. */
  readonly charShift: number
  readonly hostMask: number
  /** Record of the rules without host; 0 when there are none. */
  readonly everyHost: number
  /** Longest text of any path table, in chars. */
  readonly longest: number
  /** Routes with regular expressions, by host, in the order given; the first list is nobody's. */
  readonly patterns: readonly (readonly number[])[]
}

/** Words of a record, from its start. `patterns` is a position in `PackedRoutes.patterns`, 0 for none. */
export const field = { root: 0, longest: 1, lengths: 2, mask: 3, patterns: 4, labelLength: 5, label: 6 } as const

/** A slot of a path table, from its start. */
export const slot = { hash: 0, label: 1, prefix: 2, exact: 3, words: 4 } as const

/** Of routes with the same host and path the first one counts. `shared`: in memory that threads may share. */
export function packRoutes(
  routes: readonly RouteSpec[],
  key: HashKey,
  { shared = false }: { readonly shared?: boolean } = {},
): PackedRoutes {
  const hosts = groupByHost(routes)
  const charShift = routes.some(isWide) ? 1 : 2
  const hostSlots = capacityFor(hosts.size * 2)
  const bytes = sizeOf(hosts.values(), hostSlots, charShift) * Int32Array.BYTES_PER_ELEMENT
  const words = new Int32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  const chars = charShift === 2 ? new Uint8Array(words.buffer) : new Uint16Array(words.buffer)
  const packer: Packer = { words, chars, charShift, key, end: hostSlots * 2 }
  const patterns: (readonly number[])[] = [[]]
  let everyHost = 0
  let longest = 0
  for (const [host, group] of hosts) {
    const record = writeRecord(packer, group)
    if (group.patterns.length > 0) words[record + field.patterns] = patterns.push(group.patterns) - 1
    longest = Math.max(longest, words[record + field.longest]!)
    if (group.label === '') everyHost = record
    else if (!host.startsWith('.')) placeHost(words, hostSlots - 1, hashBackward(group.label, key), record)
  }
  return { words, chars, charShift, hostMask: hostSlots - 1, everyHost, longest, patterns }
}

/** The text a host is found by: `*.shop.test` by its suffix with the dot, which no exact host begins with. */
function hostLabel(host: string): string {
  return host.startsWith('*.') ? host.slice(1) : host
}

type PathEntry = { readonly text: string; prefix: number; exact: number }
type HostGroup = {
  readonly label: string
  readonly paths: Map<string, PathEntry>
  readonly patterns: number[]
  root: number
}
type Packer = Pick<PackedRoutes, 'words' | 'chars' | 'charShift'> & { readonly key: HashKey; end: number }

function groupByHost(routes: readonly RouteSpec[]): Map<string, HostGroup> {
  const groups = new Map<string, HostGroup>()
  for (const [index, { host, path }] of routes.entries()) {
    let group = groups.get(host)
    if (group === undefined)
      groups.set(host, (group = { label: hostLabel(host), paths: new Map(), patterns: [], root: -1 }))
    if (path.kind === 'regex') {
      group.patterns.push(index)
      continue
    }
    if (path.kind === 'prefix' && path.value === '/') {
      if (group.root === -1) group.root = index
      continue
    }
    let entry = group.paths.get(path.value)
    if (entry === undefined) group.paths.set(path.value, (entry = { text: path.value, prefix: -1, exact: -1 }))
    if (entry[path.kind] === -1) entry[path.kind] = index
  }
  return groups
}

const isWide = ({ host, path }: RouteSpec): boolean =>
  beyondLatin1.test(host) || (path.kind !== 'regex' && beyondLatin1.test(path.value))
const beyondLatin1 = /[^\0-\xff]/

/** A power of two above `least`, so that a search always ends at a free slot. */
function capacityFor(least: number): number {
  let capacity = 2
  while (capacity <= least) capacity *= 2
  return capacity
}

/** Three quarters full at most. */
const pathSlots = (count: number): number => (count === 0 ? 0 : capacityFor(Math.floor((count * 4) / 3)))

const labelWords = (text: string, charShift: number): number => (text.length + (1 << charShift) - 1) >> charShift

function sizeOf(groups: Iterable<HostGroup>, hostSlots: number, charShift: number): number {
  let size = hostSlots * 2
  for (const { label, paths } of groups) {
    size += field.label + labelWords(label, charShift) + pathSlots(paths.size) * slot.words
    for (const text of paths.keys()) size += 1 + labelWords(text, charShift)
  }
  return size
}

function writeRecord(packer: Packer, { label, paths, root }: HostGroup): number {
  const { words, charShift, key } = packer
  const record = packer.end
  const slots = pathSlots(paths.size)
  const table = record + field.label + labelWords(label, charShift)
  words[record + field.root] = root
  words[record + field.mask] = slots - 1
  words[record + field.labelLength] = label.length
  writeChars(packer, record + field.label, label)
  packer.end = table + slots * slot.words
  for (const { text, prefix, exact } of paths.values()) {
    words[record + field.longest] = Math.max(words[record + field.longest]!, text.length)
    words[record + field.lengths]! |= 1 << text.length
    const hash = hashForward(text, key)
    let at = table + (hash & (slots - 1)) * slot.words
    while (words[at + slot.label] !== 0) at = at + slot.words < table + slots * slot.words ? at + slot.words : table
    words[at + slot.hash] = hash
    words[at + slot.label] = packer.end
    words[at + slot.prefix] = prefix
    words[at + slot.exact] = exact
    words[packer.end] = text.length
    writeChars(packer, packer.end + 1, text)
    packer.end += 1 + labelWords(text, charShift)
  }
  return record
}

function placeHost(words: Int32Array, mask: number, hash: number, record: number): void {
  let at = hash & mask
  while (words[at * 2 + 1] !== 0) at = (at + 1) & mask
  words[at * 2] = hash
  words[at * 2 + 1] = record
}

function writeChars({ chars, charShift }: Packer, word: number, text: string): void {
  const start = word << charShift
  for (let i = 0; i < text.length; i += 1) chars[start + i] = text.charCodeAt(i)
}
