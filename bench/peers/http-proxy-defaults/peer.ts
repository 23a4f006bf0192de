import { nodePeer } from '../place-file.ts'

export const httpProxyDefaults = nodePeer({
  name: 'http-proxy defaults',
  package: 'http-proxy-original',
  from: import.meta.url,
  webSockets: true,
  unequal:
    'it opens a connection to the endpoint for every request, which is what its README shows and what one gets ' +
    'without asking; `http-proxy` is the same program with an agent that keeps connections, as all others keep them',
  lacks: ({ accessLog }, protocol) => {
    if (accessLog) return 'it has no access log'
    return protocol === 'h2' ? 'it does not speak HTTP/2' : undefined
  },
})
