import { defineConfig } from 'vitest/config'

/**
 * Tests against real programs of other people, one file per program, named `<program>.real.ts` so that the usual run
 * does not take them up. They need what packages.txt lists, install nothing, and fail when something is missing.
 */
export default defineConfig({ test: { include: ['test/real/*.real.ts'], testTimeout: 30_000, hookTimeout: 30_000 } })
