import { nodePeer } from '../place-file.ts'

export const httpProxy = nodePeer({
  name: 'http-proxy',
  package: 'http-proxy-original',
  from: import.meta.url,
  webSockets: true,
  lacks: ({ accessLog }, protocol) => {
    if (accessLog) return 'it has no access log'
    return protocol === 'h2' ? 'it does not speak HTTP/2' : undefined
  },
})
