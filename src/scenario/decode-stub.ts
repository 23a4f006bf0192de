/**
 * What stands in for a Service port's endpoints, as `stubs` and the step `stub` say it.
 */
import { readFields } from './decode-request.ts'
import type { Entry, Reader, Tree } from './reader.ts'
import type { ReplySpec, StubChange } from './scenario.ts'

/** `{default/web:80: {…}}`, in `stubs` and in a `stub` step. */
export function readStubPorts(reader: Reader, entries: readonly Entry[]): Map<string, StubChange> {
  const byPort = new Map<string, StubChange>()
  for (const { key, keyNode, value } of entries) {
    if (/^[a-z0-9-]+\/[a-z0-9.-]+:[a-z0-9-]+$/.test(key)) byPort.set(key, readStub(reader, value))
    else reader.problem(keyNode, `expected namespace/service:port (as in default/web:80), found ${key}`)
  }
  return byPort
}

function readStub(reader: Reader, node: Tree): StubChange {
  const keys = reader.mapping(node, 'a stub', ['endpoints', 'unready', 'reply', 'protocol'])
  const stub: { -readonly [Key in keyof StubChange]: StubChange[Key] } = {}
  const endpoints = keys.has('endpoints') ? reader.integer(keys.get('endpoints')!.value, 'endpoints', 0) : undefined
  const protocol = keys.has('protocol')
    ? reader.oneOf(keys.get('protocol')!.value, 'protocol', ['http', 'https', 'h2c', 'websocket-echo'])
    : undefined
  if (endpoints !== undefined) stub.endpoints = endpoints
  if (protocol !== undefined) stub.protocol = protocol
  if (keys.has('unready'))
    stub.unready = reader
      .items(keys.get('unready')!.value, 'unready')
      .flatMap((item) => reader.integer(item, 'an index', 0) ?? [])
  if (keys.has('reply')) stub.reply = readReply(reader, keys.get('reply')!.value)
  return stub
}

function readReply(reader: Reader, node: Tree): ReplySpec {
  const keys = reader.mapping(node, 'a reply', ['status', 'headers', 'body', 'delay', 'drop'])
  const read = <Value>(key: string, how: (value: Tree) => Value): Value | undefined => {
    const entry = keys.get(key)
    return entry === undefined ? undefined : how(entry.value)
  }
  return {
    status: read('status', (value) => reader.integer(value, 'status', 100)),
    headers: read('headers', (value) => readFields(reader, value)) ?? [],
    body: read('body', (value) => reader.text(value, 'body')),
    delayMs: read('delay', (value) => reader.duration(value, 'delay')) ?? 0,
    drop: read('drop', (value) => reader.oneOf(value, 'drop', ['head', 'body'])),
  }
}
