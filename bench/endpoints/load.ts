/** Clients that keep asking, each with one request at a time on a connection of its own, and note every outcome. */
import { Client, type Dispatcher } from 'undici'

export type LoadInit = {
  readonly port: number
  readonly host: string
  readonly clients: number
  /** In turn; those with a body send a few bytes. */
  readonly methods: readonly Dispatcher.HttpMethod[]
}

export type Outcome = { readonly method: string; readonly status: number; readonly ms: number; readonly text: string }

export type LoadResult = {
  /** Answers with 200, by method. */
  readonly good: Readonly<Record<string, number>>
  readonly bad: readonly string[]
  readonly outcomes: readonly Outcome[]
}

export function startLoad({ port, host, clients, methods }: LoadInit): {
  stop(): Promise<LoadResult>
  readonly outcomes: readonly Outcome[]
} {
  const outcomes: Outcome[] = []
  const state = { stopped: false }
  const ask = async (first: number): Promise<void> => {
    const client = new Client(`http://127.0.0.1:${port}`)
    for (let turn = first; !state.stopped; turn++) {
      const method = methods[turn % methods.length]!
      const begun = performance.now()
      outcomes.push({ method, ...(await exchange(client, method, host)), ms: performance.now() - begun })
    }
    await client.close()
  }
  const asking = Array.from({ length: clients }, (_, at) => ask(at))
  return {
    outcomes,
    stop: async () => {
      state.stopped = true
      await Promise.all(asking)
      const good: Record<string, number> = {}
      for (const { method, status } of outcomes) if (status === 200) good[method] = (good[method] ?? 0) + 1
      const bad = outcomes
        .filter(({ status }) => status !== 200)
        .map(({ method, status, text }) => `${method}: ${status} ${text}`)
      return { good, bad, outcomes }
    },
  }
}

async function exchange(
  client: Client,
  method: Dispatcher.HttpMethod,
  host: string,
): Promise<{ status: number; text: string }> {
  try {
    const body = method === 'GET' ? null : 'a few bytes'
    const answer = await client.request({ path: '/', method, headers: { host }, body })
    const cause = answer.headers['x-genkan-cause']
    return {
      status: answer.statusCode,
      text: `${await answer.body.text()}${typeof cause === 'string' ? ` (${cause})` : ''}`,
    }
  } catch (error) {
    return { status: 0, text: String(error) }
  }
}
