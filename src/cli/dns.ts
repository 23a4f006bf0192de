/** `genkan dns`: the cluster DNS of `genkan dev` on its own. */
import { serveDns, type ServedDns, type ServeDnsInit } from '#cluster/serve-dns.ts'
import { printProblem } from '#resource/problem.ts'
import { FolderSource } from '#source/folder.ts'
import type { Batch } from '#source/source.ts'
import { defineCommand } from './command.ts'
import { requireFolders } from './folders.ts'
import { clearPortsFile, writePortsFile } from './ports-file.ts'
import { formatOf, openLog, printHostPort } from './settings.ts'
import { untilStopped } from './signals.ts'
import { errnoOf, UserError } from './user-error.ts'

const ttlSeconds = 5

export const dnsCommand = defineCommand({
  name: 'dns',
  operands: '<folder...>',
  operandHelp: 'a folder of YAML files, or several',
  summary: "answer a cluster's DNS names from the objects in folders",
  notes: `Examples:
  genkan dns manifests --listen 127.0.0.1:5353
  dig @127.0.0.1 -p 5353 web.default.svc.cluster.local
  dig @127.0.0.1 -p 5353 SRV _http._tcp.web.default.svc.cluster.local

Services, headless ones, SRV, the OpenShift form below "endpoints", Pods by address, ExternalName and PTR are
answered; changes in the folders are there at once. Signals and exit codes are those of \`genkan serve\`.`,
  flags: ['dnsListen', 'clusterDomain', 'portsFile', 'logLevel', 'logFormat'],
  run: async ({ operands, flags, io }) => {
    requireFolders(operands)
    const log = openLog(flags, io)
    const { host, port } = flags.dnsListen
    const { clusterDomain, portsFile } = flags
    if (portsFile !== undefined) clearPortsFile(portsFile)
    const onBatch = ({ problems }: Batch): void => problems.forEach((problem) => log.warn(printProblem(problem)))
    const source = new FolderSource({ paths: operands, log })
    const dns = await startOrExplain({
      source,
      clusterDomain,
      host,
      port,
      ttlSeconds,
      searchNamespace: 'default',
      emptyService: 'nodata',
      log,
      onBatch,
    })
    const close = (): Promise<void> => dns.close()
    const stopped = untilStopped({
      drain: close,
      close,
      reload: () => dns.reload(),
      say: (sentence) => log.info(sentence),
    })
    if (portsFile !== undefined) writePortsFile(portsFile, { dns: dns.port })
    const at = printHostPort({ host, port: dns.port })
    io.out(
      formatOf(flags, io) === 'json'
        ? `${JSON.stringify({ event: 'listening', pid: process.pid, dns: at })}\n`
        : `genkan answers DNS at ${at} for ${clusterDomain}\n`,
    )
    return stopped
  },
})

async function startOrExplain(init: ServeDnsInit): Promise<ServedDns> {
  try {
    return await serveDns(init)
  } catch (error) {
    const at = printHostPort(init)
    const code = errnoOf(error)
    if (code === 'EACCES')
      throw new UserError(
        `${at} cannot be bound: ports below 1024 are for root; take another with --listen ${init.host}:5353`,
      )
    if (code === 'EADDRINUSE')
      throw new UserError(
        `${at} cannot be bound: another DNS server has it (systemd-resolved?); take another with --listen ${init.host}:5353`,
      )
    if (code === 'EADDRNOTAVAIL') throw new UserError(`${at} cannot be bound: this machine has no such address`)
    throw error
  }
}
