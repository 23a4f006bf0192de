import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..', 'compile', 'certificates')

/** Replaces `"@shop.crt"` and the like by the base64 text of that file, as a Secret's `data` wants it. */
export function withCertificates(yaml: string): string {
  return yaml.replace(/"@([\w-]+\.(?:crt|key))"/g, (_, name: string) =>
    readFileSync(join(folder, name)).toString('base64'),
  )
}
