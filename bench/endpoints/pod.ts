/** A Pod of the benches: an HTTP server on loopback that ends as a Pod does when it is told to, or hangs. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Pod = {
  readonly port: number
  /** Requests answered. */
  answered(): number
  /** From now on requests are taken and never answered. */
  hang(): void
  /**
   * As on SIGTERM: finishes what it has. `abrupt` accepts no more and closes idle connections at that very moment, as
   * most servers do; `patient` lets whoever opened them close them, and listens until then: what the kernel has
   * accepted for a listener that closes is reset, though it may have been sent by then.
   */
  terminate(manner: 'abrupt' | 'patient'): Promise<void>
}

const longestPatienceMs = 5_000

/** Answers after `workMs`, with the name of the request's method. */
export async function startPod(workMs: number): Promise<Pod> {
  let answered = 0
  let hanging = false
  const server: Server = createServer((request, response) => {
    request.resume()
    if (hanging) return
    setTimeout(() => {
      answered++
      response.end(request.method)
    }, workMs)
  })
  let open = 0
  let onIdle = (): void => {}
  server.on('connection', (socket) => {
    open++
    socket.once('close', () => {
      open--
      if (open === 0) onIdle()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // A server that listens on TCP has an address with a port.
    port: (server.address() as AddressInfo).port,
    answered: () => answered,
    hang: () => {
      hanging = true
    },
    terminate: (manner) =>
      new Promise((resolve) => {
        if (hanging) server.closeAllConnections()
        if (manner === 'abrupt') return void server.close(() => resolve())
        const close = (): void => void server.close(() => resolve())
        const limit = setTimeout(() => {
          server.closeAllConnections()
          close()
        }, longestPatienceMs).unref()
        onIdle = () => {
          clearTimeout(limit)
          close()
        }
        if (open === 0) onIdle()
      }),
  }
}

/** An EndpointSlice of the Service `web`; the ports tell its Pods apart, so each is a slice of its own. */
export function slice(port: number, state: 'ready' | 'terminating'): string {
  const conditions =
    state === 'ready'
      ? '{ ready: true, serving: true, terminating: false }'
      : '{ ready: false, serving: true, terminating: true }'
  return `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-${port}, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: ${port} }]
endpoints: [{ addresses: [127.0.0.1], conditions: ${conditions} }]
`
}

/** The Service and an Ingress that leads web.test to it. */
export function site(annotations: Readonly<Record<string, string>> = {}): string {
  return `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, annotations: ${JSON.stringify(annotations)} }
spec:
  rules:
    - host: web.test
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ name: http, port: 80 }] }
---
`
}
