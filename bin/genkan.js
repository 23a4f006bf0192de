#!/usr/bin/env node
// Starts Genkan. Everything here is plain JavaScript that any Node with modules parses, so that too old a Node can say
// what it lacks: the sources behind it are TypeScript, which Node runs by itself from version 24 on.
import { spawn } from 'child_process'
import { existsSync, readFileSync } from 'fs'
import { constants } from 'os'
import { dirname, join } from 'path'
import { fileURLToPath, pathToFileURL } from 'url'
import { useCompileCache } from './compile-cache.js'

const needed = 24
const root = join(dirname(fileURLToPath(import.meta.url)), '..')

if (major(process.versions.node) >= needed) run()
else startAgain()

function run() {
  const published = join(root, 'dist', 'cli', 'main.js')
  const main = existsSync(published) ? published : join(root, 'src', 'cli', 'main.ts')
  useCompileCache()
  import(pathToFileURL(main).href)
    .then((module) => module.main(process.argv.slice(2)))
    .then((code) => written().then(() => process.exit(code)))
    .catch((error) => {
      const isMissing = error.code === 'ERR_MODULE_NOT_FOUND'
      console.error(isMissing ? 'genkan: a package is missing (' + error.message + '); run `npm ci` in ' + root : error)
      process.exit(1)
    })
}

// What was written to a pipe is still on its way when the command is done, and leaving would cut it off.
function written() {
  return Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', () => done()))),
  )
}

function startAgain() {
  const complaint = 'genkan: this is Node ' + process.versions.node + ', and Genkan needs Node ' + needed + ' or newer'
  const pinned = findPinned()
  if (pinned === undefined) {
    console.error(complaint + ". Install a newer one from https://nodejs.org, or run `npm ci` in Genkan's folder,")
    console.error('which brings the pinned Node along (node_modules/node); this command then finds it by itself.')
    process.exit(1)
  }
  console.error(complaint + '; going on with the pinned Node ' + pinned.version)
  const child = spawn(pinned.path, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), { stdio: 'inherit' })
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP']
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error('genkan: cannot start ' + pinned.path + ': ' + error.message)
    process.exit(1)
  })
  // A shell reads death by a signal as 128 plus its number.
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]))
}

// The `node` package beside us, or beside the package we are installed in.
function findPinned() {
  for (const modules of [join(root, 'node_modules'), join(root, '..')]) {
    const path = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    if (!existsSync(path) || path === process.execPath) continue
    const version = JSON.parse(readFileSync(join(modules, 'node', 'package.json'), 'utf8')).version
    if (major(version) >= needed) return { path, version }
  }
  return undefined
}

function major(version) {
  return Number(version.split('.')[0])
}
