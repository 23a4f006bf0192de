import { describe, expect, test } from 'vitest'
import { PacedBody, pieceMs } from '../../src/lane/general/pace.ts'
import { openDoor } from '../support/door.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { describeLanes, leftToGeneral } from '../support/lanes.ts'
import { startOrigin } from '../support/origin.ts'
import { talk } from '../support/raw-client.ts'

function paced(bytesPerSecond: number, afterBytes = 0) {
  const clock = new FakeClock()
  const state = { sent: 0, ended: 0, empty: 0, takes: true }
  const body = new PacedBody({
    pace: { bytesPerSecond, afterBytes },
    clock: { monotonic: clock.now, later: clock.setTimer },
    downstream: {
      write: (chunk) => {
        state.sent += chunk.length
        return state.takes
      },
      end: () => void state.ended++,
    },
    onWritten: () => {},
    onEmpty: () => void state.empty++,
  })
  return { clock, state, body }
}

describe('a paced body', () => {
  test('leaves as fast as it may, and ends when all of it has left', () => {
    const { clock, state, body } = paced(1_000)
    expect(body.write(Buffer.alloc(500))).toBe(false)
    expect(state.sent).toBe(100)
    body.end([])
    clock.advance(pieceMs)
    expect(state).toMatchObject({ sent: 200, ended: 0 })
    clock.advance(3 * pieceMs)
    expect(state).toMatchObject({ sent: 500, ended: 1, empty: 0 })
    expect(clock.pending).toBe(0)
  })

  test('sends the beginning at once', () => {
    const { state, body } = paced(1_000, 400)
    body.write(Buffer.alloc(1_000))
    expect(state.sent).toBe(500)
  })

  test('asks for more when nothing is held any more, and needs no timer below its rate', () => {
    const { clock, state, body } = paced(1_000)
    expect(body.write(Buffer.alloc(50))).toBe(true)
    expect(clock.pending).toBe(0)
    body.write(Buffer.alloc(100))
    clock.advance(pieceMs)
    expect(state).toMatchObject({ sent: 150, empty: 1 })
  })

  test('waits for a client that takes nothing, with no timer', () => {
    const { clock, state, body } = paced(1_000)
    state.takes = false
    expect(body.write(Buffer.alloc(500))).toBe(false)
    clock.advance(10_000)
    expect(state.sent).toBe(100)
    state.takes = true
    body.onDrain()
    expect(state).toMatchObject({ sent: 500, empty: 1 })
  })

  test('is silent once it is cancelled', () => {
    const { clock, state, body } = paced(1_000)
    body.write(Buffer.alloc(500))
    body.cancel()
    clock.advance(10_000)
    body.onDrain()
    expect(state).toMatchObject({ sent: 100, ended: 0, empty: 0 })
  })

  test('ends once, however often the client asks for more', () => {
    const { state, body } = paced(1_000)
    body.write(Buffer.alloc(10))
    body.end([])
    body.onDrain()
    expect(state.ended).toBe(1)
  })
})

describeLanes(() => {
  test('a response with a pace arrives whole, through the general lane', async () => {
    leftToGeneral('pace')
    const bytes = 'x'.repeat(300_000)
    const origin = await startOrigin((_request, response) => void response.end(bytes))
    const route = { pace: { bytesPerSecond: 1_000_000, afterBytes: 200_000 } }
    const door = await openDoor({ endpoints: [origin.port], route })
    const answer = await talk(door.http, 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
    expect(answer.endsWith(`\r\n\r\n${bytes}`)).toBe(true)
    expect(await door.nth(1)).toMatchObject({ lane: 'general', status: 200, responseBytes: bytes.length })
  })
})
