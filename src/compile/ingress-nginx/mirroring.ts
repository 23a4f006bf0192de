/** Annotations about copies of requests. */
import { mirror } from '#policy/mirror.ts'
import { parseVariables } from '#policy/variables.ts'
import type { PolicySpec, TimeoutSpec } from '#snapshot/snapshot.ts'
import type { Scope } from '../setting.ts'
import { readMatching, readText, readWord, report } from '../setting.ts'

export const mirrorNames = ['mirror-target', 'mirror-host', 'mirror-request-body'] as const

export function readMirror(scope: Scope, { connectMs, readMs }: TimeoutSpec): PolicySpec | undefined {
  const body = readWord(scope, 'mirror-request-body', ['on', 'off']) !== 'off'
  const host = readMatching(scope, 'mirror-host', {
    test: (text) => /^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(text),
    expected: 'a host name',
  })
  const text = readText(scope, 'mirror-target')
  if (text === undefined) return undefined
  const [, scheme = '', authority = '', path = ''] =
    /^(https?):\/\/([A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9a-f:]+\](?::\d{1,5})?)((?:\/|\$request_uri)[\x21-\x7e]*)?$/i.exec(
      text,
    ) ?? []
  const target = parseVariables(path)
  const strange =
    'unknown' in target || target.text.some((part) => typeof part !== 'string' && part.variable !== 'request_uri')
  if (authority === '' || strange) {
    report(scope, 'mirror-target', {
      expected: 'a URL with a fixed host, whose path may hold $request_uri',
      instead: 'requests are not mirrored',
    })
    return undefined
  }
  return mirror.spec({
    origin: `${scheme}://${authority}`,
    target: 'text' in target && path !== '' ? target.text : ['/'],
    host: host ?? authority,
    body,
    connectMs,
    readMs,
  })
}
