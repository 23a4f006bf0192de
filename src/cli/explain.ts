/** `genkan explain`: what would happen to one request, and why. */
import { explain, printExplanation } from '#compile/explain.ts'
import type { Answer } from '#discovery/answer.ts'
import { Folder } from '#discovery/folder.ts'
import { answerFromNodes } from '#discovery/nodeport.ts'
import { answerFromPods } from '#discovery/pods.ts'
import { answerFromService } from '#discovery/service-address.ts'
import { answerFromSlices } from '#discovery/slices.ts'
import type { ResourceSet } from '#resource/resource-set.ts'
import type { DiscoveryMode, EndpointSet, UpstreamSpec } from '#snapshot/snapshot.ts'
import { defineCommand } from './command.ts'
import { envName } from './flags.ts'
import { readOffline } from './offline.ts'
import { askRunningDoor } from './running-door.ts'
import { compileFlags } from './settings.ts'
import { UserError } from './user-error.ts'

export const explainCommand = defineCommand({
  name: 'explain',
  operands: '<url> [folder...]',
  operandHelp: 'a URL and the folders that route it, as in `genkan explain https://shop.example/cart manifests`',
  summary: 'say which rule wins for a URL, which lose and why, and who would answer',
  notes: `Examples:
  genkan explain https://shop.example/cart manifests
  genkan explain http://10.0.0.1/ manifests --header "host: shop.example" --method POST
  genkan explain https://shop.example/cart manifests --output json | jq .winner

  genkan explain https://shop.example/cart --admin 127.0.0.1:9901

Endpoints are those that the folders' own objects describe; with --admin a front door that runs says what it knows now.

Exit codes: 0 explained, whatever the outcome; 1 nobody answers at --admin; 2 a flag, the URL or a folder is wrong.`,
  flags: [...compileFlags, 'nodeName', 'runningDoor', 'method', 'header', 'output'],
  run: async ({ operands, flags, io }) => {
    const [url = '', ...folders] = operands
    const admin = flags.runningDoor === 'off' ? undefined : flags.runningDoor
    requireUrl(url, folders)
    if (folders.length === 0 && admin !== undefined) {
      const { text, explanation } = await askRunningDoor({ admin, url, method: flags.method, fields: flags.header })
      io.out(flags.output === 'json' ? `${JSON.stringify(explanation, undefined, 2)}\n` : `${text.trimEnd()}\n`)
      return 0
    }
    requireFoldersAlone(url, folders, admin !== undefined && io.env[envName('admin')] === undefined)
    const { resources, compiled } = await readOffline(folders, flags, io.env)
    const endpoints = endpointsOf(resources, compiled.snapshot.upstreams, flags.nodeName)
    const explanation = explain({ compiled, endpoints, url, method: flags.method, fields: flags.header.flat() })
    io.out(
      flags.output === 'json'
        ? `${JSON.stringify(explanation, undefined, 2)}\n`
        : `${printExplanation(explanation).trimEnd()}\n`,
    )
    return 0
  },
})

function requireUrl(url: string, folders: readonly string[]): void {
  if (!/^https?:\/\/[^/?#]/i.test(url)) {
    const swapped = folders.find((each) => /^https?:\/\//i.test(each))
    throw new UserError(
      `expected a URL such as https://shop.example/cart, found ${url}${swapped === undefined ? '' : '; the URL stands before the folders'}`,
      2,
    )
  }
}

/** `asked`: on the command line; the variable may be there for a front door's sake. */
function requireFoldersAlone(url: string, folders: readonly string[], asked: boolean): void {
  if (folders.length === 0)
    throw new UserError(
      `explain wants the folders, too, as in \`genkan explain ${url} manifests\`, or --admin of a front door that runs`,
      2,
    )
  if (asked) throw new UserError('explain looks into folders or asks --admin, not both', 2)
}

/** What the folder itself says; nothing where a network would have to be asked, and nobody can say beforehand. */
function endpointsOf(
  resources: ResourceSet,
  upstreams: readonly UpstreamSpec[],
  nodeName: string | undefined,
): EndpointSet[] {
  const folder = new Folder(resources)
  const ask: Record<DiscoveryMode, (upstream: UpstreamSpec) => Answer | undefined> = {
    slices: (upstream) => answerFromSlices(folder, upstream),
    pods: (upstream) => answerFromPods(folder, upstream),
    nodeport: (upstream) => answerFromNodes(folder, upstream, nodeName),
    dns: () => undefined,
    service: (upstream) => answerFromService(folder, upstream, undefined),
    env: () => undefined,
  }
  return upstreams.flatMap((upstream): EndpointSet[] => {
    for (const mode of upstream.discovery) {
      const answer = ask[mode](upstream)
      if (answer === undefined || answer.kind === 'pending') return []
      if (answer.kind === 'answer')
        return [{ upstream: upstream.id, state: answer.state, mode, endpoints: answer.endpoints }]
    }
    return [{ upstream: upstream.id, state: 'failed', mode: undefined, endpoints: [] }]
  })
}
