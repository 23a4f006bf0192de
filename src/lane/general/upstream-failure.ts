/** What undici, node:http or the kernel say about a failed attempt, in our causes. */
import type { Cause, Failure } from '#proxy/failure.ts'

/** How far an attempt had come: no connection yet, request under way, or response head seen. */
export type Progress = 'connecting' | 'waiting' | 'receiving'

const protocolCodes = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
])
const timeoutCodes = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
const connectTimeoutCodes = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ECONNECT_TIMEOUT', 'ETIMEDOUT'])
/** OpenSSL's and node's words for certificates and handshakes they do not accept. */
const tlsCode =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_|CRL_|ERROR_IN_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$)/
/** undici's words for a message it cannot take as a response; they have no code of their own. */
const protocolMessages = new Set(['bad response', 'bad upgrade'])

export function failureOf(error: Error, progress: Progress): Failure {
  const code = codeOf(error)
  return { cause: causeOf(code, error, progress), detail: code === '' ? error.message : `${code} ${error.message}` }
}

function causeOf(code: string, { name, message }: Error, progress: Progress): Cause {
  // Also after the handshake: in TLS 1.3 an endpoint refuses a client's certificate only then.
  if (progress !== 'receiving' && tlsCode.test(code)) return 'upstream_tls'
  if (progress === 'connecting') return connectTimeoutCodes.has(code) ? 'connect_timeout' : 'connect_failed'
  if (timeoutCodes.has(code)) return 'upstream_timeout'
  if (progress === 'receiving') return 'upstream_truncated'
  // A parser's error has a name of its own in undici, and a code in node:http.
  const isParsers = name === 'HTTPParserError' || code.startsWith('HPE_')
  if (isParsers || protocolCodes.has(code) || protocolMessages.has(message)) return 'upstream_protocol'
  return 'upstream_reset'
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}
