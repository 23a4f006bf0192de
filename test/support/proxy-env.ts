/** What the proxy and upstreams need from the world, for tests that care for little of it. */
import { SessionSeal } from '#upstream/session.ts'
import type { UpstreamEnv } from '#upstream/upstream.ts'

export const testSeal = new SessionSeal(new Uint8Array(32).fill(7))

/** Chance that repeats itself: a small generator of even numbers from 0 to 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function upstreamEnv(change: Partial<UpstreamEnv> = {}): UpstreamEnv {
  return { now: () => 1_000_000, random: seededRandom(1), seal: testSeal, ...change }
}
