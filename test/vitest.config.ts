import { defineConfig } from 'vitest/config'

/** The unit, wire and scenario tests: everything that needs only this checkout. `test/real` has its own configuration. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/real/**', 'node_modules/**'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
})
