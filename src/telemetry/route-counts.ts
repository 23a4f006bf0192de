/**
 * The counts of one route and backend. They stand side by side in memory that many routes share, so that a request for
 * one of ten thousand routes touches a line or two of it.
 */

/** What is counted of one finished exchange. */
export type Counted = {
  /** Status sent to the client; 0 when there was nobody to send it to. */
  readonly status: number
  /** Cause code of the failure; empty for success. */
  readonly cause: string
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
}

export type Outcome = { readonly status: string; readonly cause: string; readonly count: number }

/** Upper bounds in seconds; from a cache hit's time to a long poll's. */
export const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx']

/** Where what stands in a row. */
const seconds = 0
const requestBytes = 1
const responseBytes = 2
const firstClass = 3
const firstBucket = firstClass + classes.length
const rowCells = firstBucket + bounds.length + 1
/** Rows that are reserved at once. */
const slabRows = 256

type Row = { readonly cells: Float64Array; readonly at: number }

/** Where rows come from and go back to. */
export class RouteRows {
  readonly #free: Row[] = []

  take(): Row {
    if (this.#free.length === 0) {
      const cells = new Float64Array(slabRows * rowCells)
      for (let row = slabRows - 1; row >= 0; row--) this.#free.push({ cells, at: row * rowCells })
    }
    return this.#free.pop()!
  }

  give({ cells, at }: Row): void {
    cells.fill(0, at, at + rowCells)
    this.#free.push({ cells, at })
  }
}

export class RouteCounts {
  readonly route: string
  readonly backend: string
  readonly #cells: Float64Array
  readonly #at: number
  /** By status class and cause, `5xx connect_failed`; `undefined` while nothing has failed. */
  #failures: Map<string, number> | undefined

  constructor(route: string, backend: string, { cells, at }: Row) {
    this.route = route
    this.backend = backend
    this.#cells = cells
    this.#at = at
    this.#failures = undefined
  }

  /** It must not be used any more once its row is given back. */
  get row(): Row {
    return { cells: this.#cells, at: this.#at }
  }

  add(counted: Counted): void {
    const cells = this.#cells
    const at = this.#at
    const lasted = counted.durationMs / 1000
    cells[at + seconds]! += lasted
    cells[at + requestBytes]! += counted.requestBytes
    cells[at + responseBytes]! += counted.responseBytes
    cells[at + firstBucket + bucketOf(lasted)]! += 1
    const statusClass = classOf(counted.status)
    if (counted.cause === '') cells[at + firstClass + statusClass]! += 1
    else this.#addFailure(`${classes[statusClass]} ${counted.cause}`)
  }

  get seconds(): number {
    return this.#cells[this.#at + seconds]!
  }

  get requestBytes(): number {
    return this.#cells[this.#at + requestBytes]!
  }

  get responseBytes(): number {
    return this.#cells[this.#at + responseBytes]!
  }

  /** One count for each of `bounds`, and one for what is beyond the last. */
  get buckets(): Float64Array {
    return this.#cells.subarray(this.#at + firstBucket, this.#at + rowCells)
  }

  /** Those that were seen. */
  get outcomes(): readonly Outcome[] {
    const good = classes.map((status, index) => ({
      status,
      cause: '',
      count: this.#cells[this.#at + firstClass + index]!,
    }))
    const failed = [...(this.#failures ?? [])].map(([key, count]) => {
      const [status = '', cause = ''] = key.split(' ')
      return { status, cause, count }
    })
    return [...good.filter(({ count }) => count > 0), ...failed]
  }

  #addFailure(key: string): void {
    this.#failures ??= new Map()
    this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1)
  }
}

function classOf(status: number): number {
  const index = Math.floor(status / 100)
  return index < classes.length ? index : 0
}

function bucketOf(lasted: number): number {
  let bucket = 0
  while (bucket < bounds.length && lasted > bounds[bucket]!) bucket++
  return bucket
}
