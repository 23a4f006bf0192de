/**
 * A URL as a person types it → authority and path as a request would carry them, and what we make of both.
 */
import { parseAuthority, toAscii } from '#http/authority.ts'
import { parseTarget } from '#http/target.ts'
import type { Reading } from './explanation.ts'

/** A request as typed, read as the front door reads it. */
export type ExplainedUrl = {
  readonly scheme: 'http' | 'https' | undefined
  readonly port: number
  readonly host: Reading
  readonly path: Reading
  readonly query: string
  /** What a TLS client would ask for. */
  readonly serverName: string
}

export type UrlInput = {
  readonly url: string
  readonly fields: readonly string[]
  readonly ports: { readonly http: number; readonly https: number }
}

/** Nothing is normalised before the front door's own code does it, so that its refusals show. */
export function readUrl({ url, fields, ports }: UrlInput): ExplainedUrl {
  const [, schemeText = '', authority = '', target = ''] = /^(https?):\/\/([^/?#]*)([^#]*)/i.exec(url) ?? []
  const scheme = ({ http: 'http', https: 'https' } as const)[schemeText.toLowerCase()]
  const sent = fieldOf(fields, 'host') ?? authority
  const host = readHost(sent)
  const named = parseAuthority(asciiAuthority(authority))
  const port = named?.port ?? (scheme === 'https' ? ports.https : ports.http)
  const parsed = parseTarget(escapeAsClients(target.startsWith('/') ? target : `/${target}`), undefined)
  const given = target.replace(/\?.*$/s, '')
  return {
    scheme,
    port,
    host,
    path: readPath(given, parsed),
    query: typeof parsed === 'string' ? '' : parsed.query,
    serverName: named?.host ?? '',
  }
}

function readHost(given: string): Reading {
  const ascii = asciiAuthority(given)
  const authority = parseAuthority(ascii)
  if (authority === undefined) return { given, routed: undefined, notes: [`${JSON.stringify(given)} is no host`] }
  const notes: string[] = []
  if (ascii !== given) notes.push(`written as ${ascii}, its A-label form`)
  if (/:\d*$/.test(ascii) && !ascii.endsWith(']')) notes.push('the port does not count')
  if (/\.(?::\d*)?$/.test(ascii)) notes.push('the trailing dot does not count')
  if (ascii !== ascii.toLowerCase()) notes.push('upper and lower case do not count')
  return { given, routed: authority.host, notes }
}

function readPath(given: string, parsed: ReturnType<typeof parseTarget>): Reading {
  if (typeof parsed === 'string') return { given, routed: undefined, notes: [parsed] }
  const notes =
    given === '' || parsed.path === given ? [] : [`normalised to ${parsed.path}, which is matched and forwarded`]
  return { given, routed: parsed.path, notes }
}

/** U-labels become A-labels, as every client writes them. */
function asciiAuthority(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text
  const [, name = '', port = ''] = /^(.*?)(:\d*)?$/.exec(text) ?? []
  return (toAscii(name) ?? name) + port
}

function escapeAsClients(text: string): string {
  return text.isWellFormed() ? text.replace(/[^\x21-\x7e]+/g, encodeURIComponent) : text
}

function fieldOf(fields: readonly string[], lowerName: string): string | undefined {
  const at = fields.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === lowerName)
  return at === -1 ? undefined : fields[at + 1]
}
