/**
 * Sends clients that came over plain HTTP to the same address over HTTPS. The client's own scheme decides, so a trusted
 * proxy that ended TLS and says so in X-Forwarded-Proto causes no loop.
 */
import { definePolicy } from './policy.ts'

export type HttpsRedirectConfig = {
  /** 308 keeps method and body; 301 and 302 may turn a POST into a GET. */
  readonly status: 301 | 302 | 303 | 307 | 308
  /** Location names the port even where it is 443. */
  readonly namesPort?: true
}

export const httpsRedirect = definePolicy<HttpsRedirectConfig>({
  kind: 'https-redirect',
  create: ({ status, namesPort }, { httpsPort }) => {
    const port = httpsPort === 443 && namesPort !== true ? '' : `:${httpsPort}`
    return {
      onRequest: ({ client, host, path, query }) => {
        // Without a host there is nowhere to send an HTTP/1.0 client to.
        if (client.scheme === 'https' || host === '') return undefined
        return { status, fields: ['Location', `https://${host}${port}${path}${query}`], body: '' }
      },
    }
  },
})
