import type { CompileOptions } from '../../src/compile/compile.ts'

/** The options of `genkan serve` without flags, on the first day of 2027. */
export const compileOptions: CompileOptions = {
  ingressClasses: ['genkan', 'nginx'],
  compat: 'none',
  discovery: ['slices', 'pods', 'dns'],
  configMap: undefined,
  now: Date.UTC(2027, 0, 1),
}
