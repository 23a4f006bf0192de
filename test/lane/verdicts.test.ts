/** A policy's verdict is about a request that was understood: the connection it came on serves the next one. */
import { expect, test } from 'vitest'
import { startFrontDoor } from '../support/front-door.ts'
import { after } from '../support/closing.ts'
import { describeLanes } from '../support/lanes.ts'
import { connectRaw } from '../support/raw-client.ts'

const manifests = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: closed, annotations: {nginx.ingress.kubernetes.io/denylist-source-range: 127.0.0.0/8}}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
`

describeLanes((_name, lane) => {
  test('a client that is refused by address may ask again on the same connection', async () => {
    const { genkan } = await startFrontDoor(manifests, { lane })
    after(() => genkan.close())
    const client = await connectRaw(genkan.ports.http)
    client.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    expect(await client.until(/\r\n\r\n.*Forbidden/s)).toMatch(/^HTTP\/1\.1 403 /)
    client.write('GET /again HTTP/1.1\r\nHost: a.test\r\n\r\n')
    expect(await client.until(/403 [^]*403 /)).not.toMatch(/connection: close/i)
  })
})
