/** Certificates of clients and the authorities that signed them; see test/fixtures/clients/make.sh. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '..', 'fixtures', 'clients')

/**
 * `root.crt` has signed ann, juergen, expired and revoked (which `root.crl` names); one-between and two-between have as
 * many authorities between them and it. `elsewhere.crt` has signed stranger. Clients are certificate, chain and key.
 */
export function clientFile(
  name:
    | 'root.crt'
    | 'root.crl'
    | 'elsewhere.crt'
    | `${'ann' | 'juergen' | 'expired' | 'revoked' | 'stranger' | 'one-between' | 'two-between'}.pem`,
): string {
  return readFileSync(join(folder, name), 'utf8')
}
