import { nodePeer } from '../place-file.ts'

// Installed under the name of what it replaces.
export const httpProxy3 = nodePeer({
  name: 'http-proxy-3',
  package: 'http-proxy',
  from: import.meta.url,
  webSockets: true,
  lacks: ({ accessLog }, protocol) => {
    if (accessLog) return 'it has no access log'
    return protocol === 'h2' ? 'it does not speak HTTP/2' : undefined
  },
})
