/**
 * One request, for checks: HTTP/1.1 clear or encrypted, or HTTP/2.
 */
import { request as httpRequest } from 'node:http'
import { connect } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import type { Load } from './scenario.ts'

export type Question = {
  readonly port: number
  readonly host: string
  readonly path: string
  readonly protocol?: Load['protocol']
  readonly method?: 'GET' | 'POST'
  readonly body?: Buffer
  readonly cookie?: string | undefined
}

export type Answer = {
  readonly status: number
  readonly body: Buffer
  /** First value of a field by its lower-case name. */
  readonly field: (name: string) => string | undefined
}

const timeoutMs = 5_000

/** `undefined` when nobody answers. */
export async function ask(question: Question): Promise<Answer | undefined> {
  try {
    return question.protocol === 'h2' ? await askHttp2(question) : await askHttp1(question)
  } catch {
    return undefined
  }
}

function askHttp1({ port, host, path, protocol = 'http', method = 'GET', body, cookie }: Question): Promise<Answer> {
  // Said like this, for some proxies pass a client's `close` on to the endpoint.
  const headers = {
    host,
    connection: 'keep-alive',
    ...(cookie === undefined ? {} : { cookie }),
    ...(body === undefined ? {} : { 'content-length': body.length }),
  }
  const options = { host: '127.0.0.1', port, path, method, headers, agent: false, timeout: timeoutMs } as const
  return new Promise((resolve, reject) => {
    const tls = { ...options, servername: host, rejectUnauthorized: false }
    const request = protocol === 'https' ? httpsRequest(tls) : httpRequest(options)
    request.on('error', reject)
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const field = (name: string): string | undefined => [response.headers[name]].flat()[0]
        request.destroy()
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), field })
      })
    })
    request.end(body)
  })
}

async function askHttp2({ port, host, path, method = 'GET', body, cookie }: Question): Promise<Answer> {
  const session = connect(`https://127.0.0.1:${port}`, { servername: host, rejectUnauthorized: false })
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject)
      const pseudo = { ':authority': host, ':path': path, ':method': method, ':scheme': 'https' }
      const stream = session.request(
        { ...pseudo, ...(cookie === undefined ? {} : { cookie }) },
        { endStream: body === undefined },
      )
      stream.setTimeout(timeoutMs, () => stream.close())
      stream.on('error', reject)
      stream.on('response', (headers) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          const field = (name: string): string | undefined => [headers[name]].flat()[0]?.toString()
          resolve({ status: Number(headers[':status']), body: Buffer.concat(chunks), field })
        })
      })
      if (body !== undefined) stream.end(body)
    })
  } finally {
    session.close()
  }
}
