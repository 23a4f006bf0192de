/**
 * A front door as a process: start, say what listens where, serve until a signal. What `serve` and `dev` share.
 */
import type { Log } from '#telemetry/log.ts'
import { type Genkan, type Settings, start } from '../main.ts'
import type { Io } from './command.ts'
import { clearPortsFile, writePortsFile } from './ports-file.ts'
import { printHostPort } from './settings.ts'
import { untilStopped } from './signals.ts'
import { type ExitCode, UserError } from './user-error.ts'
import { readVersion } from './version.ts'

export type DoorInit = {
  readonly settings: Settings
  readonly io: Io
  readonly portsFile: string | undefined
  /** One line on standard output: an object, or a sentence. */
  readonly ready: 'json' | 'pretty'
  readonly hangUp: 'reload' | 'stop'
  /** After the ready line. */
  readonly onReady?: (genkan: Genkan) => void
}

/** Resolves with the exit code when the door has been closed. */
export async function runDoor({ settings, io, portsFile, ready, hangUp, onReady }: DoorInit): Promise<ExitCode> {
  if (portsFile !== undefined) clearPortsFile(portsFile)
  const genkan = await startOrExplain(settings)
  try {
    // Whoever reads that it is up may ask it to stop at once.
    const reload = (): void => {
      settings.log.info('SIGHUP: reading everything again')
      genkan.reload()
    }
    const stopped = untilStopped({
      drain: async () => sayCut(await genkan.drain(), settings.log),
      close: () => genkan.close(),
      reload: hangUp === 'reload' ? reload : undefined,
      say: (sentence) => settings.log.info(sentence),
    })
    if (portsFile !== undefined) writePortsFile(portsFile, genkan.ports)
    io.out(`${ready === 'json' ? readyObject(genkan, settings) : readyLine(genkan, settings)}\n`)
    onReady?.(genkan)
    return await stopped
  } catch (error) {
    await genkan.close()
    throw error
  }
}

async function startOrExplain(settings: Settings): Promise<Genkan> {
  try {
    return await start(settings)
  } catch (error) {
    // A bug of ours keeps its stack; what `start` says on purpose is a sentence already.
    if (!(error instanceof Error) || error.constructor !== Error) throw error
    throw new UserError([error.message, ...bindHint(error)].join('\n'))
  }
}

/** What to do about a port that cannot be had. */
function bindHint({ message }: Error): string[] {
  // Workers tell their reasons as sentences (listener/listener.ts): errors lose their codes between threads.
  if (/permission denied|EACCES/.test(message)) {
    return [
      'allow it with one of',
      '  sudo sysctl net.ipv4.ip_unprivileged_port_start=80',
      `  sudo setcap cap_net_bind_service=+ep ${process.execPath}`,
      'or take others with --http-port 8080 --https-port 8443',
    ]
  }
  if (/another program listens|EADDRINUSE/.test(message)) {
    return [
      '`ss -ltnp` (Linux) or `lsof -iTCP -sTCP:LISTEN` shows which one',
      'or take others with --http-port 8080 --https-port 8443 --admin 127.0.0.1:0',
    ]
  }
  return /no such address|EADDRNOTAVAIL|EAFNOSUPPORT/.test(message) ? ['see --bind and --admin'] : []
}

function readyObject(genkan: Genkan, { bind, admin }: Settings): string {
  const { ports } = genkan
  const found = genkan.problems()
  const count = (severity: string): number => found.filter((each) => each.severity === severity).length
  return JSON.stringify({
    event: 'listening',
    version: readVersion(),
    pid: process.pid,
    bind,
    ports,
    http: `http://${printHostPort({ host: bind, port: ports.http })}`,
    https: `https://${printHostPort({ host: bind, port: ports.https })}`,
    admin: admin === undefined ? undefined : `http://${printHostPort({ host: admin.host, port: ports.admin })}`,
    errors: count('error'),
    warnings: count('warning'),
  })
}

function readyLine({ ports }: Genkan, { bind, admin }: Settings): string {
  const at = (port: number): string => printHostPort({ host: bind, port })
  const adminAt = admin === undefined ? '' : `, admin http://${printHostPort({ host: admin.host, port: ports.admin })}`
  return `genkan ${readVersion()} listens: http://${at(ports.http)}, https://${at(ports.https)}${adminAt}`
}

function sayCut(cut: number, log: Log): void {
  if (cut === 0) log.info('closed; every request was finished')
  else log.warn('closed; some requests were cut at the end of --drain-timeout', { cut })
}
