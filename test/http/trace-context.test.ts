import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printTraceParent, readTraceParent, readTraceState } from '#http/trace-context.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const span = '00f067aa0ba902b7'
const valid = { traceId: trace, parentId: span, sampled: true }

describe('traceparent', () => {
  test.each<[string, readonly string[], object | undefined]>([
    ['sampled', ['traceparent', `00-${trace}-${span}-01`], valid],
    ['of any case of its name, with white space around', ['TraceParent', ` 00-${trace}-${span}-01\t`], valid],
    ['not sampled', ['traceparent', `00-${trace}-${span}-00`], { ...valid, sampled: false }],
    ['with flags of a later level', ['traceparent', `00-${trace}-${span}-03`], valid],
    ['of a later version', ['traceparent', `01-${trace}-${span}-01`], valid],
    ['of a later version that says more', ['traceparent', `cc-${trace}-${span}-01-what-else`], valid],
    ['that is not there', [], undefined],
    ['twice', ['traceparent', `00-${trace}-${span}-01`, 'traceparent', `00-${trace}-${span}-01`], undefined],
    ['of the version that cannot be', ['traceparent', `ff-${trace}-${span}-01`], undefined],
    ['of our version with more', ['traceparent', `00-${trace}-${span}-01-x`], undefined],
    ['of a later version that runs on', ['traceparent', `01-${trace}-${span}-01x`], undefined],
    ['in upper case', ['traceparent', `00-${trace.toUpperCase()}-${span}-01`], undefined],
    ['without a trace', ['traceparent', `00-${'0'.repeat(32)}-${span}-01`], undefined],
    ['without a span', ['traceparent', `00-${trace}-${'0'.repeat(16)}-01`], undefined],
    ['that is too short', ['traceparent', `00-${trace.slice(1)}-${span}-01`], undefined],
    ['with another character', ['traceparent', `00-${trace.slice(1)}g-${span}-01`], undefined],
  ])('%s', (_, fields, expected) => {
    expect(readTraceParent(fields)).toEqual(expected)
  })

  test('reads what it writes', () => {
    const digits = (length: number): fc.Arbitrary<string> =>
      fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => /[^0]/.test(text))
    fc.assert(
      fc.property(digits(32), digits(16), fc.boolean(), (traceId, parentId, sampled) => {
        const fields = ['traceparent', printTraceParent(traceId, parentId, sampled)]
        expect(readTraceParent(fields)).toEqual({ traceId, parentId, sampled })
      }),
    )
  })
})

describe('tracestate', () => {
  test.each<[string, readonly string[], string | undefined]>([
    ['one member', ['tracestate', 'rojo=00f067aa0ba902b7'], 'rojo=00f067aa0ba902b7'],
    ['several lines are one list', ['tracestate', 'a=1, b=2', 'Tracestate', ' ,c=3'], 'a=1,b=2,c=3'],
    ['a tenant', ['tracestate', '1a@vendor=x y'], '1a@vendor=x y'],
    ['nothing', [], undefined],
    ['an empty list', ['tracestate', ' , '], undefined],
    ['a key in upper case', ['tracestate', 'A=1'], undefined],
    ['no value', ['tracestate', 'a='], undefined],
    ['an equals sign in a value', ['tracestate', 'a=b=c'], undefined],
    ['a byte that is not ASCII', ['tracestate', 'a=\xe9'], undefined],
    ['33 members', ['tracestate', Array.from({ length: 33 }, (_, n) => `k${n}=1`).join()], undefined],
    [
      'more than 512 characters',
      ['tracestate', `a=${'x'.repeat(250)},b=${'x'.repeat(250)},c=${'x'.repeat(20)}`],
      undefined,
    ],
  ])('%s', (_, fields, expected) => {
    expect(readTraceState(fields)).toBe(expected)
  })
})
