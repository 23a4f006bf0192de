/**
 * http-proxy as the front door, tuned: a host map in front, and behind it the agent that keeps connections, which its
 * README leaves out and whoever measures it must not.
 */
import { createRequire } from 'node:module'
import type { CreateProxy } from '../http-proxy-3/serve.ts'
import { keptConnections, serveWith } from '../http-proxy-3/serve.ts'

// The original has no types of its own; its rewrite in TypeScript has kept the interface.
const original = createRequire(import.meta.url)('http-proxy-original') as { readonly createProxyServer: CreateProxy }
serveWith(original.createProxyServer, { agent: keptConnections() }, process.argv[2])
