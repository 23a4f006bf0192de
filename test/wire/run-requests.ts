/** Runs request cases against a front door, many beside each other, each with a host and an endpoint of its own. */
import { type RecordingOrigin, startRecordingOrigin } from '../support/recording-origin.ts'
import { type Conversation, type Delivery, converse } from '../support/wire-client.ts'
import {
  type RequestCase,
  type Verdict,
  finalStatuses,
  judgeRequest,
  requestBytes,
  withHostLetter,
} from './request-case.ts'

/** A place to run one case at a time: the host `<letter>.test` leads to this endpoint alone. */
export type Slot = { readonly letter: string; readonly origin: RecordingOrigin; conversation: Conversation | undefined }

/** Long enough for a second, hidden request to come through; nothing is waited for that long when it closes. */
const quietMs = 100
/** Within this the connection must have been closed, when it must be. */
const closeMs = 1_000
/** Without any answer by then a case hangs. */
const hangMs = 3_000

/** `b` is the stranger in the cases. */
export async function openSlots(letters = 'cdefghijklmnop'): Promise<readonly Slot[]> {
  return Promise.all(
    letters.split('').map(async (letter) => {
      const origin = await startRecordingOrigin(() => {
        if (slot.conversation !== undefined) slot.conversation.lastAt = performance.now()
      })
      const slot: Slot = { letter, origin, conversation: undefined }
      return slot
    }),
  )
}

/** The verdict of every case, by id. */
export async function runRequestCases(
  port: number,
  slots: readonly Slot[],
  cases: readonly RequestCase[],
  delivery: Delivery,
): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>()
  const queue = cases.values()
  await Promise.all(
    slots.map(async (slot) => {
      for (const given of queue)
        verdicts.set(given.id, await runCase(port, slot, withHostLetter(given, slot.letter), delivery))
    }),
  )
  return verdicts
}

async function runCase(port: number, slot: Slot, given: RequestCase, delivery: Delivery): Promise<Verdict> {
  slot.origin.forget()
  const onStart = (conversation: Conversation): void => {
    slot.conversation = conversation
  }
  const options = { delivery, halfClose: given.fin === true, onStart }
  const startedAt = performance.now()
  const { received, closed } = await converse(port, requestBytes(given), options, (conversation) => {
    const quiet = performance.now() - conversation.lastAt
    if (conversation.closed) return quiet > 20
    if (quiet < quietMs) return false
    if (finalStatuses(conversation.received).length === 0) return performance.now() - startedAt > hangMs
    return given.close !== 'must' || quiet > closeMs
  })
  return judgeRequest(given, { finals: finalStatuses(received), closed, recording: slot.origin.recording() })
}
