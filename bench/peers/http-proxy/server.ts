/**
 * http-proxy as the front door, as its README shows it: a host map in front, kept connections behind.
 */
import { createRequire } from 'node:module'
import type { CreateProxy } from '../http-proxy-3/serve.ts'
import { serveWith } from '../http-proxy-3/serve.ts'

// The original has no types of its own; its rewrite in TypeScript has kept the interface.
const original = createRequire(import.meta.url)('http-proxy-original') as { readonly createProxyServer: CreateProxy }
serveWith(original.createProxyServer, process.argv[2])
