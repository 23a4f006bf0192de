/**
 * What ingress-nginx's dialect says about one Ingress, decoded. The same reader serves the global ConfigMap, whose
 * result is the default for every Ingress: an annotation counts before a global key.
 */
import type { RetrySpec, TimeoutSpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readBoolean, readInteger, readSize } from '../setting.ts'
import { readRetry, retryNames } from './retry.ts'

export type Settings = {
  readonly timeouts: TimeoutSpec
  /** Bytes; 0 for no limit. */
  readonly maxBodyBytes: number
  /** Redirect http to https on hosts with TLS. */
  readonly sslRedirect: boolean
  /** Redirect http to https on every host. */
  readonly forceSslRedirect: boolean
  /** `undefined` for the defaults. */
  readonly retry: RetrySpec | undefined
}

/** ingress-nginx's own defaults. */
export const defaultSettings: Settings = {
  timeouts: { connectMs: 5_000, sendMs: 60_000, readMs: 60_000 },
  maxBodyBytes: 1024 * 1024,
  sslRedirect: true,
  forceSslRedirect: false,
  retry: undefined,
}

/** The names that `readSettings` reads: anything with none of them keeps its defaults. */
export const settingNames = [
  'proxy-connect-timeout',
  'proxy-send-timeout',
  'proxy-read-timeout',
  'proxy-body-size',
  'ssl-redirect',
  'force-ssl-redirect',
  ...retryNames,
] as const

export function readSettings(scope: Scope, base: Settings): Settings {
  if (settingNames.every((name) => scope.value(name) === undefined)) return base
  return {
    timeouts: {
      connectMs: readSeconds(scope, 'proxy-connect-timeout', base.timeouts.connectMs),
      sendMs: readSeconds(scope, 'proxy-send-timeout', base.timeouts.sendMs),
      readMs: readSeconds(scope, 'proxy-read-timeout', base.timeouts.readMs),
    },
    maxBodyBytes: readSize(scope, 'proxy-body-size', base.maxBodyBytes),
    sslRedirect: readBoolean(scope, 'ssl-redirect', base.sslRedirect),
    forceSslRedirect: readBoolean(scope, 'force-ssl-redirect', base.forceSslRedirect),
    retry: readRetry(scope, base.retry),
  }
}

/** The longest that a timer of Node.js can wait: 2^31 - 1 milliseconds. */
const longestSeconds = 2_147_483

function readSeconds(scope: Scope, name: string, fallbackMs: number): number {
  return readInteger(scope, name, fallbackMs / 1000, { min: 1, max: longestSeconds, unit: 'seconds' }) * 1000
}
