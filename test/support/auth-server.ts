/** A small authentication service like oauth2-proxy: pages to sign in and out, and one that says who is signed in. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after } from './closing.ts'

export type AuthServer = {
  readonly port: number
  /** Questions so far, in order. */
  readonly questions: readonly {
    readonly method: string
    readonly url: string
    readonly headers: IncomingMessage['headers']
  }[]
}

const cookieName = '_auth'

/**
 * `/oauth2/auth`: 202 with X-Auth-Request-User for a session, else 401. `/oauth2/start?user=ann`: a session for ann, and
 * back to `rd`. Stops when the test ends.
 */
export async function startAuthServer(): Promise<AuthServer> {
  const sessions = new Map<string, string>()
  const questions: { method: string; url: string; headers: IncomingMessage['headers'] }[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://auth.test')
    if (url.pathname === '/oauth2/auth') {
      questions.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers })
      const user = sessions.get(sessionOf(request.headers.cookie))
      if (user === undefined) response.writeHead(401).end('not signed in')
      else response.writeHead(202, { 'X-Auth-Request-User': user, 'X-Auth-Request-Groups': '' }).end()
    } else if (url.pathname === '/oauth2/start') {
      const session = randomBytes(8).toString('hex')
      sessions.set(session, url.searchParams.get('user') ?? 'somebody')
      response
        .writeHead(302, {
          'Set-Cookie': `${cookieName}=${session}; Path=/; HttpOnly`,
          Location: url.searchParams.get('rd') ?? '/',
        })
        .end()
    } else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  // A listening TCP server has an address object, never a pipe's path.
  return { port: (server.address() as AddressInfo).port, questions }
}

function sessionOf(cookies: string | undefined): string {
  return new RegExp(`(?:^|; )${cookieName}=([0-9a-f]+)`).exec(cookies ?? '')?.[1] ?? ''
}
