/** `genkan dev`: the front door with everything around it that a cluster would give, on one machine. */
import { createServer } from 'node:net'
import { type EmbeddedCluster, startEmbeddedCluster } from '#cluster/embedded-cluster.ts'
import type { Turn } from '#control/loop.ts'
import { FolderSource } from '#source/folder.ts'
import type { Genkan, Settings } from '../main.ts'
import { describeChange } from './change-report.ts'
import { ClusterSource } from './cluster-source.ts'
import { defineCommand } from './command.ts'
import { printWelcome } from './dev-welcome.ts'
import { runDoor } from './door.ts'
import type { HostPort } from './grammar.ts'
import { requireFolders } from './folders.ts'
import { doorFlags, type DoorFlags, formatOf, openLog, toCompileOptions, toSettings } from './settings.ts'

export const devCommand = defineCommand({
  name: 'dev',
  operands: '[folder...]',
  operandHelp: 'folders of YAML files; this one if not given',
  summary: 'run it on a laptop: with a cluster DNS, and stand-ins for Services without endpoints',
  notes: `Examples:
  genkan dev                                 the YAML files of this folder
  genkan dev examples/quickstart
  genkan dev manifests --bind ::             let other machines in, too

It differs from \`genkan serve\` in this: it listens on 127.0.0.1 only; a port that cannot be had is replaced by a free
one; a stand-in answers for every Service without endpoints, saying what it received; requests are not logged
(--access-log - does). With --cluster-dns the endpoints come from there, and no stand-ins are started.

Signals and exit codes are those of \`genkan serve\`, but closing its terminal stops it.`,
  flags: [...doorFlags, 'portsFile'],
  fallbacks: {
    bind: '127.0.0.1',
    accessLog: 'off',
    logLevel: 'warn',
    logFormat: 'pretty',
    drainTimeout: '2s',
    workers: '1',
  },
  run: async ({ operands, flags, io }) => {
    const folders = operands.length === 0 ? ['.'] : operands
    requireFolders(folders)
    const log = openLog(flags, io)
    const cluster =
      flags.clusterDns.length > 0 ? undefined : await startEmbeddedCluster({ clusterDomain: flags.clusterDomain, log })
    try {
      const files = new FolderSource({ paths: folders, log })
      const source =
        cluster === undefined ? files : new ClusterSource(files, cluster, () => toCompileOptions(flags, Date.now()))
      let latest: Turn | undefined
      let isUp = false
      const onTurn = (turn: Turn): void => {
        if (isUp && latest !== undefined) io.out(describeChange(latest, turn))
        latest = turn
      }
      const settings = {
        ...(await settingsOf(flags, cluster, { sources: [source], log, portConflict: 'free', env: io.env })),
        onTurn,
      }
      const onReady = ({ ports, moved }: Genkan): void => {
        isUp = true
        if (latest === undefined || formatOf(flags, io) === 'json') return
        const { snapshot, problems } = latest
        const around = {
          bind: flags.bind,
          adminHost: settings.admin?.host,
          dns: cluster?.dns,
          standIns: cluster?.standIns() ?? [],
        }
        io.out(printWelcome({ ...around, ports, moved, snapshot, problems, folders }))
      }
      return await runDoor({
        settings,
        io,
        portsFile: flags.portsFile,
        ready: formatOf(flags, io),
        hangUp: io.isTerminal ? 'stop' : 'reload',
        onReady,
      })
    } finally {
      await cluster?.close()
    }
  },
})

async function settingsOf(
  flags: DoorFlags,
  cluster: EmbeddedCluster | undefined,
  surroundings: Parameters<typeof toSettings>[1],
): Promise<Settings> {
  const settings = await toSettings(flags, surroundings)
  const admin =
    settings.admin === undefined || (await isFree(settings.admin)) ? settings.admin : { ...settings.admin, port: 0 }
  return {
    ...settings,
    admin,
    ...(cluster && { clusterDns: [cluster.dns], isStandIn: cluster.isStandIn, standInOf: cluster.standInOf }),
  }
}

/** A second `genkan dev` beside the first one should just work: the dashboard's address is printed anyway. */
function isFree({ host, port }: HostPort): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ host, port }, () => probe.close(() => resolve(true)))
  })
}
