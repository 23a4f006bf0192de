/**
 * One entry of `steps`. The key that a step starts with says which kind it is.
 */
import { isMap } from 'yaml'
import { decodeTextMatch } from './decode-expect.ts'
import { decodeRequest, requestKeys } from './decode-request.ts'
import { readStubPorts } from './decode-stub.ts'
import type { Entry, Reader, Tree } from './reader.ts'
import type { ExpectedProblem, Step } from './scenario.ts'

const kinds = ['request', 'apply', 'delete', 'stub', 'wait', 'problems'] as const

export function decodeStep(reader: Reader, node: Tree): Step | undefined {
  const written = isMap(node) ? node.items.map(({ key }) => String(key)) : []
  const found = kinds.filter((kind) => written.includes(kind))
  const [kind] = found
  if (kind === undefined || found.length > 1) {
    return reader.problem(
      node,
      `expected a step to have one of ${kinds.join(', ')}, found ${found.length > 1 ? found.join(' and ') : written.join(', ') || 'none'}`,
    )
  }
  if (kind === 'request')
    return decodeRequest(reader, reader.mapping(node, 'a request step', requestKeys), reader.line(node))
  return decodeOther(reader, kind, reader.mapping(node, `a step that starts with ${kind}`, [kind]).get(kind)!)
}

function decodeOther(
  reader: Reader,
  kind: Exclude<Step['kind'], 'request'>,
  { keyNode, value }: Entry,
): Step | undefined {
  const line = reader.line(keyNode)
  switch (kind) {
    case 'apply':
      return { kind, line, manifests: reader.text(value, 'apply') ?? '' }
    case 'delete': {
      const object = reader.text(value, 'delete') ?? ''
      const isObject = /^[A-Z]\w+ ([a-z0-9-]+\/)?[a-z0-9.-]+$/.test(object)
      return isObject
        ? { kind, line, object }
        : reader.problem(value, `expected delete to be Kind namespace/name, found ${object}`)
    }
    case 'stub':
      return { kind, line, byPort: readStubPorts(reader, reader.entries(value, 'stub')) }
    case 'wait':
      return { kind, line, ms: reader.duration(value, 'wait') ?? 0 }
    case 'problems':
      return { kind, line, problems: reader.items(value, 'problems').map((item) => readProblem(reader, item)) }
  }
}

function readProblem(reader: Reader, node: Tree): ExpectedProblem {
  const keys = reader.mapping(node, 'a problem', ['severity', 'object', 'match'])
  const severity = keys.get('severity')
  const object = keys.get('object')
  const match = keys.get('match')
  return {
    line: reader.line(node),
    severity:
      severity === undefined ? undefined : reader.oneOf(severity.value, 'severity', ['error', 'warning', 'info']),
    object: object === undefined ? undefined : reader.text(object.value, 'object'),
    match: match === undefined ? undefined : decodeTextMatch(reader, match.value, 'match'),
  }
}
