import { nodePeer } from '../place-file.ts'

export const fastProxy = nodePeer({
  name: 'fast-proxy',
  package: 'fast-proxy',
  from: import.meta.url,
  lacks: ({ accessLog }, protocol) => {
    if (accessLog) return 'it has no access log'
    return protocol === 'h2' ? 'it does not speak HTTP/2 to clients' : undefined
  },
})
