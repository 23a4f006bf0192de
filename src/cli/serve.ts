/** `genkan serve`: the front door itself. */
import { FolderSource } from '#source/folder.ts'
import { defineCommand } from './command.ts'
import { runDoor } from './door.ts'
import { requireFolders } from './folders.ts'
import { doorFlags, formatOf, openLog, toSettings } from './settings.ts'

export const serveCommand = defineCommand({
  name: 'serve',
  operands: '<folder...>',
  operandHelp: 'a folder of YAML files, or several',
  summary: 'run the front door on folders of Kubernetes YAML',
  notes: `Examples:
  genkan serve /etc/genkan                          ports 80 and 443, cluster DNS of the system
  genkan serve manifests --http-port 8080 --https-port 8443
  genkan serve manifests --cluster-dns 10.96.0.10   ask a cluster's DNS for endpoints
  GENKAN_HTTP_PORT=8080 genkan serve manifests      every flag is also a variable

Files may change, come and go while it runs; \`genkan check\` says beforehand what will be made of them.

Signals: SIGTERM and SIGINT stop accepting and finish what is in flight (a second one stops now), SIGHUP reads again.
Exit codes: 0 stopped as asked, 1 could not start or was stopped twice, 2 a flag or folder is wrong.`,
  flags: [...doorFlags, 'portsFile'],
  run: async ({ operands, flags, io }) => {
    requireFolders(operands)
    const log = openLog(flags, io)
    const sources = [new FolderSource({ paths: operands, log })]
    const settings = await toSettings(flags, { sources, log, portConflict: 'fail', env: io.env })
    return runDoor({ settings, io, portsFile: flags.portsFile, ready: formatOf(flags, io), hangUp: 'reload' })
  },
})
