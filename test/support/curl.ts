/**
 * The few curl flags that READMEs use, sent by our own client to the ports a test was given.
 */
import { STATUS_CODES } from 'node:http'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { connect } from 'node:tls'
import { sendRequest, type ClientResponse } from '../../src/scenario/client.ts'

export type CurlInit = {
  /** What stands for 80 and 443. */
  readonly ports: { readonly http: number; readonly https: number }
  /** Where relative paths begin. */
  readonly cwd: string
}

type Command = {
  readonly url: URL
  readonly method: string
  readonly fields: readonly string[]
  readonly body: string
  readonly showsHead: boolean
  /** The head alone, whatever becomes of the body. */
  readonly dumpsHead: boolean
  readonly isQuiet: boolean
  readonly write: string
  readonly ca: string | undefined
  /** A PEM file with certificate and key. */
  readonly client: string | undefined
  readonly trustsAnybody: boolean
}

/** What `curl …` prints. Throws for a flag it does not know. */
export async function curl(line: string, { ports, cwd }: CurlInit): Promise<string> {
  const command = parse(words(line))
  const { url, method, fields, body } = command
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const serverName = url.hostname
  if (scheme === 'https' && !command.trustsAnybody)
    await shakeHands(ports.https, serverName, command.ca === undefined ? undefined : resolve(cwd, command.ca))
  const target = `${url.pathname}${url.search}`
  const all = [
    'host',
    url.host,
    'accept',
    '*/*',
    ...fields,
    ...(body === '' ? [] : ['content-length', String(Buffer.byteLength(body))]),
  ]
  const response = await sendRequest({
    scheme,
    port: ports[scheme],
    method,
    target,
    serverName,
    clientCertificate: command.client === undefined ? undefined : resolve(cwd, command.client),
    fields: all,
    body,
    http: '1.1',
    from: undefined,
    timeoutMs: 10_000,
  })
  if (response.status === 0) throw new Error(`${line}: ${response.failure}`)
  return print(command, response).replaceAll(`:${ports.https}`, '').replaceAll(`:${ports.http}`, '')
}

/** Words of a command line; quotes hold words together. */
export function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3]!)
}

function parse([, ...args]: readonly string[]): Command {
  const command = {
    url: new URL('http://unset'),
    method: '',
    fields: [] as string[],
    body: '',
    showsHead: false,
    dumpsHead: false,
    isQuiet: false,
    write: '',
    ca: undefined as string | undefined,
    client: undefined as string | undefined,
    trustsAnybody: false,
  }
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index]!
    const next = (): string => args[++index] ?? ''
    if (/^-[ksi]+$/.test(arg)) {
      command.trustsAnybody ||= arg.includes('k')
      command.showsHead ||= arg.includes('i')
    } else if (arg === '-D') command.dumpsHead = next() === '-'
    else if (arg === '-o') command.isQuiet = next() === '/dev/null'
    else if (arg === '-w') command.write = next().replaceAll('\\n', '\n')
    else if (arg === '-X') command.method = next()
    else if (arg === '-d') command.body = next()
    else if (arg === '-H')
      command.fields.push(
        ...next()
          .split(/:\s*(.*)/s)
          .slice(0, 2),
      )
    else if (arg === '--cacert') command.ca = next()
    else if (arg === '--cert') command.client = next()
    else if (arg.startsWith('-')) throw new Error(`curl ${arg} is not understood here`)
    else command.url = new URL(arg)
  }
  return { ...command, method: command.method === '' ? (command.body === '' ? 'GET' : 'POST') : command.method }
}

/** Rejects when a client that trusts only this authority would not go on. */
function shakeHands(port: number, servername: string, ca: string | undefined): Promise<void> {
  return new Promise((done, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port, servername, ...(ca === undefined ? {} : { ca: readFileSync(ca) }) },
      () => {
        socket.destroy()
        done()
      },
    )
    socket.once('error', reject)
  })
}

function print({ showsHead, dumpsHead, isQuiet, write }: Command, { status, fields, body }: ClientResponse): string {
  const lines = fields.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${fields[index + 1]}`] : []))
  const head = showsHead || dumpsHead ? [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', ''].join('\n') : ''
  return `${dumpsHead || !isQuiet ? head : ''}${isQuiet ? '' : body}${write.replaceAll('%{http_code}', String(status))}`
}
