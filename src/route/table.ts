/**
 * Snapshot routes → matcher. The hot path: no allocation per match, cost independent of the number of routes.
 *
 * Hosts: exact, then one-label wildcard (`*.x` is `x` behind exactly one label), then the rules without host. The first
 * of these that exists owns the request: when none of its paths matches, nothing does, as in nginx and Envoy. A team
 * that claims `shop.test` would not expect its unknown paths to reach whoever wrote a rule for every host.
 *
 * Paths, case-sensitive: an exact match of the whole path, then the longest prefix by path element (`/foo` is a prefix
 * of `/foo`, `/foo/` and `/foo/bar`, never of `/foobar`). On a host that has regular expressions they compete with the
 * prefixes: the first match in the order of route/precedence.ts wins. Other hosts pay nothing for them.
 */
import type { Pattern } from '#lib/pattern.ts'
import type { RouteSpec } from '#snapshot/snapshot.ts'
import { extend, finish, hashKey } from './hash.ts'
import type { HashKey } from './hash.ts'
import type { PackedRoutes } from './packing.ts'
import { field, packRoutes, slot } from './packing.ts'
import { pathPattern } from './path-pattern.ts'
import { byPath } from './precedence.ts'

export type RouteTableInit = {
  /** Secret of the hash: whoever builds tables from foreign manifests draws it at random. Never changes a result. */
  readonly seed?: number
  /** Made by `packRoutes` for the same routes with the key of the same seed. Absent: packed here. */
  readonly packed?: PackedRoutes
  /** The regular expression of a path, ready to ask; for those that kept it from an earlier table. */
  readonly patternOf?: (value: string) => Pattern
}

/** A route that is a regular expression, ready to ask. */
type PatternRoute = {
  readonly index: number
  /** Of the expression as written: what it competes with prefixes by. */
  readonly length: number
  readonly test: (path: string) => boolean
}

const dot = 46
const slash = 47

export class RouteTable {
  readonly #key: HashKey
  readonly #words: Int32Array
  readonly #chars: Uint8Array | Uint16Array
  readonly #charShift: number
  readonly #hostMask: number
  readonly #everyHost: number
  /** Where the path could end at a rule: pairs of position and hash, written anew by every match. */
  readonly #ends: Int32Array
  readonly #routes: readonly RouteSpec[]
  /** By the number in a host's record; most specific first. */
  readonly #patterns: readonly (readonly PatternRoute[])[]

  /** Throws a `TypeError` for a regular expression that cannot be matched: compile lets none through. */
  constructor(routes: readonly RouteSpec[], { seed = 0, packed: given, patternOf = pathPattern }: RouteTableInit = {}) {
    this.#key = hashKey(seed)
    const packed = given ?? packRoutes(routes, this.#key)
    this.#words = packed.words
    this.#chars = packed.chars
    this.#charShift = packed.charShift
    this.#hostMask = packed.hostMask
    this.#everyHost = packed.everyHost
    this.#ends = new Int32Array((packed.longest + 1) * 2)
    this.#routes = routes
    this.#patterns = packed.patterns.map((indexes) => patternRoutes(routes, indexes, patternOf))
  }

  /** Memory of the table itself, in bytes. */
  get bytes(): number {
    return this.#words.byteLength + this.#ends.byteLength
  }

  /**
   * Index into the routes given to the constructor; -1 for none. `host` and `path` are normalised by http/: the host is
   * lower-case without port and trailing dot, the path begins with a slash.
   */
  match(host: string, path: string): number {
    const record = this.#findHost(host)
    if (record === 0) return -1
    const found = this.#findPath(record, path)
    const patterns = this.#words[record + field.patterns]!
    return patterns === 0 ? found : this.#contest(this.#patterns[patterns]!, found, path)
  }

  /** Whether a regular expression has the path rather than the plain route found, which may be none (-1). */
  #contest(patterns: readonly PatternRoute[], found: number, path: string): number {
    const plain = found === -1 ? undefined : this.#routes[found]!.path
    if (plain?.kind === 'exact') return found
    const longest = plain === undefined ? 0 : plain.value.length
    for (const { index, length, test } of patterns) {
      if (length <= longest) return found
      if (test(path)) return index
    }
    return found
  }

  /** The record of the host that owns the request, 0 for none. */
  #findHost(host: string): number {
    const { basis, multiplier } = this.#key
    let hash = basis
    let suffix = 0
    let suffixHash = 0
    for (let i = host.length - 1; i >= 0; i -= 1) {
      const code = host.charCodeAt(i)
      hash = extend(hash, code, multiplier)
      if (code === dot) {
        suffix = i
        suffixHash = hash
      }
    }
    let record = this.#hostAt(finish(hash), host, 0)
    // A dot in front would make a wildcard's suffix of the whole host; there is no label for the wildcard to stand for.
    if (host.charCodeAt(0) === dot) record = 0
    else if (record === 0 && suffix > 0) record = this.#hostAt(finish(suffixHash), host, suffix)
    return record === 0 ? this.#everyHost : record
  }

  #hostAt(hash: number, host: string, from: number): number {
    const words = this.#words
    const mask = this.#hostMask
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const record = words[at * 2 + 1]!
      if (record === 0) return 0
      if (words[at * 2] === hash && words[record + field.labelLength] === host.length - from) {
        if (this.#holds(record + field.label, host, from, host.length)) return record
      }
    }
  }

  #findPath(record: number, path: string): number {
    const words = this.#words
    const ends = this.#ends
    const { basis, multiplier } = this.#key
    const longest = words[record + field.longest]!
    if (longest === 0) return words[record + field.root]!
    const lengths = words[record + field.lengths]!
    const limit = path.length < longest ? path.length : longest
    let hash = basis
    let count = 0
    for (let i = 0; i < limit; i += 1) {
      const code = path.charCodeAt(i)
      if (code === slash && (lengths >>> i) & 1) {
        ends[count] = i
        ends[count + 1] = hash
        count += 2
      }
      hash = extend(hash, code, multiplier)
    }
    if (path.length <= longest || path.charCodeAt(limit) === slash) {
      const found = this.#pathAt(record, finish(hash), path, limit)
      if (found !== -1) return found
    }
    for (count -= 2; count >= 0; count -= 2) {
      const found = this.#pathAt(record, finish(ends[count + 1]!), path, ends[count]!)
      if (found !== -1) return found
    }
    return words[record + field.root]!
  }

  /** The route whose text is the first `end` chars of the path: exact where that is all of it, else prefix. */
  #pathAt(record: number, hash: number, path: string, end: number): number {
    const words = this.#words
    const mask = words[record + field.mask]!
    const labelWords = (words[record + field.labelLength]! + (1 << this.#charShift) - 1) >> this.#charShift
    const table = record + field.label + labelWords
    for (let index = hash & mask; ; index = (index + 1) & mask) {
      const at = table + index * slot.words
      const label = words[at + slot.label]!
      if (label === 0) return -1
      if (words[at + slot.hash] === hash && words[label] === end && this.#holds(label + 1, path, 0, end)) {
        const exact = words[at + slot.exact]!
        return end === path.length && exact !== -1 ? exact : words[at + slot.prefix]!
      }
    }
  }

  /** Whether the chars kept at this word are `text` from `from` to `to`. */
  #holds(word: number, text: string, from: number, to: number): boolean {
    const chars = this.#chars
    const start = (word << this.#charShift) - from
    for (let i = from; i < to; i += 1) if (chars[start + i] !== text.charCodeAt(i)) return false
    return true
  }
}

function patternRoutes(
  routes: readonly RouteSpec[],
  indexes: readonly number[],
  patternOf: (value: string) => Pattern,
): readonly PatternRoute[] {
  const sorted = indexes.toSorted((a, b) => byPath(routes[a]!.path, routes[b]!.path) || a - b)
  return sorted.map((index) => {
    const { value } = routes[index]!.path
    return { index, length: value.length, test: patternOf(value).test }
  })
}
