/** What a server name asks for before its handshake. Replaced as a whole by every snapshot that says otherwise. */
import type { ServerNameSpec } from '#snapshot/snapshot.ts'

export class ServerNames {
  readonly #exact: ReadonlyMap<string, ServerNameSpec>
  /** Keyed by what follows `*`, the dot included. */
  readonly #wildcard: ReadonlyMap<string, ServerNameSpec>
  readonly #other: ServerNameSpec | undefined
  /** No name asks for anything, so nobody need look. */
  readonly isEmpty: boolean

  constructor(specs: readonly ServerNameSpec[]) {
    this.isEmpty = specs.length === 0
    this.#exact = new Map(specs.filter(({ host }) => !host.startsWith('*.')).map((each) => [each.host, each]))
    this.#wildcard = new Map(
      specs.filter(({ host }) => host.startsWith('*.')).map((each) => [each.host.slice(1), each]),
    )
    this.#other = this.#exact.get('')
  }

  /** As hosts of requests are matched: exact, then the wildcard of its parent, then the one for all others. */
  find(serverName: string | undefined): ServerNameSpec | undefined {
    if (serverName === undefined) return this.#other
    const dot = serverName.indexOf('.')
    return (
      this.#exact.get(serverName) ?? (dot > 0 ? this.#wildcard.get(serverName.slice(dot)) : undefined) ?? this.#other
    )
  }
}
