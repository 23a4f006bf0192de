import { describe, expect, test } from 'vitest'
import type { BodyFraming } from '#http/framing.ts'
import { admitScannedResponse } from '#http/response.ts'
import { BodyDecoder } from '#lane/wire/body.ts'
import { HeadParser, isWorthParsing } from '#lane/wire/parse.ts'
import { readFast } from '../../support/fast-reader.ts'
import { loadRequestCases, requestBytes } from '../../wire/request-case.ts'
import { loadResponseCases } from '../../wire/response-case.ts'

/** Cutting longer ones everywhere would only take time. */
const longest = 700

function cuts(bytes: Buffer): Buffer[][] {
  return Array.from({ length: bytes.length }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)])
}

describe('bytes cut anywhere are read as in one piece', () => {
  const requests = loadRequestCases()
    .map((each) => ({ id: each.id, bytes: requestBytes(each) }))
    .filter(({ bytes }) => bytes.length < longest)
  test.each(requests)('request $id', ({ bytes }) => {
    const whole = readFast([bytes])
    for (const pieces of cuts(bytes)) expect(readFast(pieces)).toEqual(whole)
    expect(readFast(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(whole)
  })

  const responses = loadResponseCases()
    .map((each) => ({ id: each.id, method: each.method, bytes: requestBytes(each) }))
    .filter(({ bytes }) => bytes.length > 0 && bytes.length < longest)
  test.each(responses)('response $id', ({ bytes, method }) => {
    const whole = readResponse([bytes], method)
    for (const pieces of cuts(bytes)) expect(readResponse(pieces, method)).toEqual(whole)
  })
})

test('a piece that cannot complete a head is told from one that can', () => {
  const rows: readonly [piece: string, worth: boolean][] = [
    ['abc', false],
    ['a: b\r', false],
    ['\xe9\t ', false],
    ['\n', true],
    ['a\0', true],
    ['\x7f', true],
  ]
  for (const [piece, worth] of rows)
    expect(isWorthParsing(Buffer.from(piece, 'latin1')), JSON.stringify(piece)).toBe(worth)
})

type Response = { readonly heads: object[]; data: string; end: 'more' | 'bad' | 'done'; trailers: readonly string[] }

/** Heads up to the final one, and its body, as a wire reads them. */
function readResponse(pieces: readonly Buffer[], method: string): Response {
  const parser = new HeadParser({ bytes: 65_536, fields: 1_024 })
  const body = new BodyDecoder(parser, 'response')
  const response: Response = { heads: [], data: '', end: 'more', trailers: [] }
  let pending: Buffer = Buffer.alloc(0)
  let isInBody = false
  for (const piece of pieces) {
    pending = Buffer.concat([pending, piece])
    while (!isInBody && response.end === 'more') {
      const outcome = parser.response(pending, 0, pending.length, parser.responseBlock)
      if (outcome === 'more') break
      if (outcome !== 'head') response.end = 'bad'
      else {
        const { status, reason, responseBlock } = parser
        response.heads.push({ status, reason, fields: responseBlock.fields })
        pending = pending.subarray(parser.end)
        const framing = framingOf(status, method, parser)
        if (framing === undefined) response.end = 'bad'
        else if (status >= 200) {
          body.begin(framing)
          isInBody = true
        }
      }
    }
    if (!isInBody || response.end !== 'more') continue
    if (!body.done && pending.length > 0) body.decode(pending, 0, pending.length)
    if (body.broken !== undefined) response.end = 'bad'
    else {
      response.data += pending.toString('latin1', 0, body.length)
      pending = Buffer.alloc(0)
      body.length = 0
      if (body.done) response.end = 'done'
      response.trailers = body.trailers
    }
  }
  // What is left of a broken body depends on where it was cut; nothing is done with it.
  return response.end === 'bad' ? { ...response, data: '' } : response
}

function framingOf(status: number, method: string, { responseBlock }: HeadParser): BodyFraming | undefined {
  const verdict = admitScannedResponse(status, responseBlock.scan, { method })
  return 'framing' in verdict ? verdict.framing : undefined
}
