/**
 * http-proxy as the front door, exactly as its README shows it: without an agent, so every request closes the
 * connection to the endpoint that was opened for it.
 */
import { createRequire } from 'node:module'
import type { CreateProxy } from '../http-proxy-3/serve.ts'
import { serveWith } from '../http-proxy-3/serve.ts'

// The original has no types of its own; its rewrite in TypeScript has kept the interface.
const original = createRequire(import.meta.url)('http-proxy-original') as { readonly createProxyServer: CreateProxy }
serveWith(original.createProxyServer, {}, process.argv[2])
