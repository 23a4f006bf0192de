/** Key pairs made for other tests, read as a snapshot holds them. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CertificateSpec } from '#snapshot/snapshot.ts'

const folder = join(import.meta.dirname, '..', 'compile', 'certificates')

/** `shop` covers shop.test and *.shop.test, `wild` *.wild.test, `other` other.test. */
export function certificateSpec(name: 'shop' | 'wild' | 'other', id = `test/${name}`): CertificateSpec {
  const certificate = readFileSync(join(folder, `${name}.crt`), 'utf8')
  const { validTo } = new X509Certificate(certificate)
  return {
    id,
    certificate,
    key: readFileSync(join(folder, `${name}.key`), 'utf8'),
    names: [],
    notAfter: Date.parse(validTo),
  }
}
