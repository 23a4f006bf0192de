/** What health/ does where nobody said otherwise, and what `outlier-detection` leaves unsaid. */
import type { OutlierSpec } from './snapshot.ts'

export const outlierDefaults: OutlierSpec = {
  consecutiveFailures: 5,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectedPercent: 50,
}
