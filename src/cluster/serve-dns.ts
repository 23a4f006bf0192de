/**
 * `genkan dns`: a cluster's DNS on its own, over the objects of a source, current as they change.
 */
import { ResourceSet } from '#resource/resource-set.ts'
import type { Batch, Source } from '#source/source.ts'
import type { Log } from '#telemetry/log.ts'
import { startDnsServer } from './dns-server.ts'
import { Zone } from './zone.ts'

export type ServeDnsInit = {
  readonly source: Source
  readonly clusterDomain: string
  /** An IP address. */
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly ttlSeconds: number
  /** See `ZoneInit`; `undefined` for no search list. */
  readonly searchNamespace: string | undefined
  readonly emptyService: 'nodata' | 'nxdomain'
  readonly log: Log
  /** Called with every batch once it is being served, for the caller to print its problems. */
  readonly onBatch?: (batch: Batch) => void
}

export interface ServedDns {
  readonly host: string
  readonly port: number
  /** Read everything again now. */
  reload(): void
  close(): Promise<void>
}

/** Resolves when the first batch is served. Rejects when the port cannot be bound or the source fails before. */
export async function serveDns(init: ServeDnsInit): Promise<ServedDns> {
  const { source, host, port, log } = init
  let serial = 0
  const zoneOf = (batch: Batch | undefined): Zone => {
    const resources = new ResourceSet(batch?.resources ?? [])
    const nameServers = host === '0.0.0.0' || host === '::' ? ['127.0.0.1', '::1'] : [host]
    return new Zone({ ...init, resources, nameServers, serial: ++serial })
  }
  const server = await startDnsServer({ zone: zoneOf(undefined), host, port, log })
  const stop = new AbortController()
  const first = Promise.withResolvers<void>()
  const emit = (batch: Batch) => {
    server.use(zoneOf(batch))
    init.onBatch?.(batch)
    first.resolve()
  }
  const running = source.run(emit, stop.signal).catch((error: unknown) => {
    log.error('the folder is no longer followed', { error: String(error) })
    first.reject(error)
  })
  const close = async () => {
    stop.abort()
    await Promise.all([running, server.close()])
  }
  try {
    await first.promise
  } catch (error) {
    await close()
    throw error
  }
  return { host, port: server.port, reload: () => source.reload(), close }
}
