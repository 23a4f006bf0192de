/**
 * A scenario as decoded: a routing test, plain data. docs/scenarios.md describes the file it comes from.
 *
 * To add an expectation: a member of `Expectation`, its key in decode-expect.ts, its comparison in compare.ts, a line in
 * docs/scenarios.md and a test that watches it fail.
 */

/** 1-based, in the scenario's own file. */
export type Line = number

export type Scenario = {
  readonly file: string
  readonly name: string
  /** Flag names without dashes to texts in the flags' own grammar. */
  readonly flags: ReadonlyMap<string, string>
  /** YAML documents, as written. */
  readonly manifests: string
  readonly manifestsLine: Line
  /** Files or folders, relative to the scenario's folder. */
  readonly files: readonly string[]
  readonly stubs: StubsSpec
  readonly steps: readonly Step[]
}

export type StubsSpec = {
  /** Start no stand-ins at all. */
  readonly none: boolean
  /** By `namespace/service:port`. */
  readonly byPort: ReadonlyMap<string, StubChange>
}

/** What stands in for the endpoints of one Service port. A key that is not written keeps what it was. */
export type StubChange = {
  readonly endpoints?: number
  /** Indexes from 0. */
  readonly unready?: readonly number[]
  readonly reply?: ReplySpec
  readonly protocol?: StubProtocol
}

export type StubProtocol = 'http' | 'https' | 'h2c' | 'websocket-echo'
export type Stub = {
  readonly endpoints: number
  readonly unready: readonly number[]
  readonly reply: ReplySpec | undefined
  readonly protocol: StubProtocol
}

/** What is undefined is echoed as usual. */
export type ReplySpec = {
  readonly status: number | undefined
  readonly headers: readonly HeaderField[]
  readonly body: string | undefined
  readonly delayMs: number
  readonly drop: 'head' | 'body' | undefined
}

export type HeaderField = readonly [name: string, value: string]

export type Step =
  | RequestStep
  | { readonly kind: 'apply'; readonly line: Line; readonly manifests: string }
  /** `Ingress default/web`; namespace `default` when none is written. */
  | { readonly kind: 'delete'; readonly line: Line; readonly object: string }
  | { readonly kind: 'stub'; readonly line: Line; readonly byPort: ReadonlyMap<string, StubChange> }
  | { readonly kind: 'wait'; readonly line: Line; readonly ms: number }
  | { readonly kind: 'problems'; readonly line: Line; readonly problems: readonly ExpectedProblem[] }

export type RequestStep = {
  readonly kind: 'request'
  readonly line: Line
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** As written, port included: becomes Host; without its port it becomes SNI. */
  readonly authority: string
  /** As written, never normalised. */
  readonly target: string
  readonly headers: readonly HeaderField[]
  readonly body: string
  readonly http: '1.1' | '2'
  /** A loopback address; `undefined` for the system's choice. */
  readonly from: string | undefined
  readonly jar: string | undefined
  /** What TLS asks for, where that is not the host. */
  readonly serverName: string | undefined
  /** A PEM file with certificates and key, relative to the scenario's folder. */
  readonly clientCertificate: string | undefined
  /** Sent in front of everything else. */
  readonly proxyProtocol: ProxyHeaderSpec | undefined
  readonly times: number
  readonly concurrency: number
  readonly expect: readonly Expectation[]
}

/** The header of the PROXY protocol, in the words of its version 1: `TCP4 192.0.2.1 192.0.2.2 50000 443`. */
export type ProxyHeaderSpec = { readonly version: 1 | 2; readonly text: string }

/** Exact text, a regular expression, or the absence of the thing. */
export type TextMatch =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'regex'; readonly regex: RegExp }
  | { readonly kind: 'absent' }

export type CountMatch = { readonly min: number; readonly max: number }

/** `line` is where it is written, so that a difference can point there. */
export type Expectation = { readonly line: Line } & (
  | { readonly kind: 'status'; readonly anyOf: readonly number[] }
  /** `none` when the front door itself answers. */
  | { readonly kind: 'backend'; readonly backend: string }
  | { readonly kind: 'header'; readonly name: string; readonly match: TextMatch }
  | { readonly kind: 'body'; readonly match: TextMatch }
  | { readonly kind: 'upstream-method'; readonly method: string }
  | { readonly kind: 'upstream-target'; readonly match: TextMatch }
  | { readonly kind: 'upstream-header'; readonly name: string; readonly match: TextMatch }
  | { readonly kind: 'upstream-body'; readonly match: TextMatch }
  | { readonly kind: 'certificate'; readonly name: string }
  | { readonly kind: 'cause'; readonly cause: string }
  | { readonly kind: 'statuses'; readonly counts: ReadonlyMap<number, CountMatch> }
  | { readonly kind: 'endpoints-same' }
  | { readonly kind: 'endpoints-distinct'; readonly count: number }
  | { readonly kind: 'endpoints-each'; readonly count: number }
)

export type ExpectedProblem = {
  readonly line: Line
  readonly severity: 'error' | 'warning' | 'info' | undefined
  readonly object: string | undefined
  readonly match: TextMatch | undefined
}
