import { describe, expect, test } from 'vitest'
import { questionOf } from '#control/ocsp.ts'
import { certificateSpec } from '../support/certificate-pair.ts'
import { type Answer, answerTo, ocspChain, ocspFile, refusal } from '../support/responder.ts'

const now = Date.parse('2030-06-01T12:00:00Z')
const hours = (count: number): Date => new Date(now + count * 3_600_000)
const fresh: Answer = { thisUpdate: hours(-1), nextUpdate: hours(2) }

function asked(): Exclude<ReturnType<typeof questionOf>, string> {
  const question = questionOf(ocspChain)
  if (typeof question === 'string') throw new Error(question)
  return question
}

describe('a question about a certificate', () => {
  test('goes to the responder it names', () => {
    expect(asked().responder).toBe('http://127.0.0.1:18099/ocsp')
  })

  test.each([
    ['without its authority', ocspFile('leaf.crt'), 'the authority that signed the certificate is not in its chain'],
    ['without a responder', certificateSpec('shop').certificate, 'the certificate names no responder with http'],
    ['that is none', '', 'there is no certificate'],
  ])('is not asked of one %s', (_, pem, reason) => {
    expect(questionOf(pem)).toBe(reason)
  })
})

describe('an answer about a certificate', () => {
  test.each<[string, Answer, object]>([
    ['of the authority', fresh, { kind: 'good', until: hours(2).getTime() }],
    ['of its delegate', { ...fresh, signer: 'delegate' }, { kind: 'good', until: hours(2).getTime() }],
    ['that names its hash in the other way', { ...fresh, bare: true }, { kind: 'good', until: hours(2).getTime() }],
    ['without an end', { thisUpdate: hours(-0.5) }, { kind: 'good', until: hours(0.5).getTime() }],
    ['that it is revoked', { ...fresh, status: 'revoked' }, { kind: 'revoked' }],
  ])('%s counts', (_, answer, verdict) => {
    const { request, judge } = asked()
    expect(judge(answerTo(request, answer), now)).toEqual(verdict)
  })

  test.each<[string, Answer, RegExp]>([
    ['of one whom nobody has let speak', { ...fresh, signer: 'leaf' }, /nobody who may speak/],
    ['that was changed', { ...fresh, tampered: true }, /nobody who may speak/],
    ['with SHA-1', { ...fresh, signatureAlgorithm: '1.2.840.10045.4.1' }, /nobody who may speak/],
    ['about another certificate', { ...fresh, foreign: true }, /another certificate/],
    ['that knows nothing', { ...fresh, status: 'unknown' }, /does not know/],
    ['that is over', { thisUpdate: hours(-3), nextUpdate: hours(0) }, /too old/],
    ['without an end that is old', { thisUpdate: hours(-1) }, /too old/],
    ['from the future', { thisUpdate: hours(1), nextUpdate: hours(2) }, /future/],
    [
      'that it is revoked, of one who may not say so',
      { ...fresh, status: 'revoked', signer: 'leaf' },
      /nobody who may/,
    ],
  ])('%s does not', (_, answer, reason) => {
    const { request, judge } = asked()
    expect(judge(answerTo(request, answer), now)).toEqual({ kind: 'unusable', reason: expect.stringMatching(reason) })
  })

  test('that is none does not', () => {
    const { request, judge } = asked()
    const good = answerTo(request, fresh)
    for (const bytes of [refusal(), new Uint8Array(), new TextEncoder().encode('<html>'), good.subarray(0, 100)])
      expect(judge(bytes, now).kind).toBe('unusable')
  })
})
