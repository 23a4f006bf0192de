/** Another Host for the endpoint. What the client asked for stays in X-Forwarded-Host. */
import { set } from '#http/fields.ts'
import { definePolicy } from './policy.ts'

export type UpstreamVhostConfig = { readonly host: string }

export const upstreamVhost = definePolicy<UpstreamVhostConfig>({
  kind: 'upstream-vhost',
  create: ({ host }) => ({
    onRequest: ({ sent }) => {
      set(sent.fields, 'Host', host)
      return undefined
    },
  }),
})
