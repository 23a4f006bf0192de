/**
 * http-proxy-3 as the front door, as its README shows it: a host map in front, kept connections behind.
 */
import { createProxyServer } from 'http-proxy'
import { serveWith } from './serve.ts'

serveWith(createProxyServer, process.argv[2])
