/** Sends every request to the same address on another host: from `www.shop.test` to `shop.test`, or the other way. */
import { definePolicy } from './policy.ts'
import { publicAuthority } from './variables.ts'

export type HostRedirectConfig = { readonly host: string; readonly status: number }

export const hostRedirect = definePolicy<HostRedirectConfig>({
  kind: 'host-redirect',
  create: ({ host, status }) => ({
    onRequest: (context) => {
      const { client, path, query } = context
      // The port as the client wrote it: what we listen on may be mapped to another.
      const port = /:\d+$/.exec(publicAuthority(context))?.[0] ?? ''
      return { status, fields: ['Location', `${client.scheme}://${host}${port}${path}${query}`], body: '' }
    },
  }),
})
