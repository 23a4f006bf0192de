/**
 * http-proxy-3 as the front door: a host map in front, kept connections behind.
 */
import { createProxyServer } from 'http-proxy'
import { keptConnections, serveWith } from './serve.ts'

serveWith(createProxyServer, { agent: keptConnections() }, process.argv[2])
