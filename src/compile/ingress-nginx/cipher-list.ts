/** Lists of cipher suites in the form of OpenSSL, whose rules are in the manual page openssl-ciphers(1). */
import type { Scope } from '../setting.ts'
import { readMatching, report } from '../setting.ts'
import { cipherSuites, cipherWords } from './cipher-suites.ts'

/**
 * A list for TLS 1.2 in which at least one name says what is wanted; `undefined` where there is none. Names that OpenSSL
 * does not know, and would leave out in silence, are reported. `instead`: what is used where the list cannot be.
 */
export function readCipherList(scope: Scope, name: string, instead: string): string | undefined {
  const text = readMatching(scope, name, {
    test: (written) => written.length <= 4_096 && /^[A-Za-z0-9!@:,+=_. -]+$/.test(written),
    expected,
    instead,
  })
  if (text === undefined) return undefined
  const words = text.split(/[:, ]+|(?=@)/).filter((word) => word !== '')
  const wanted = words.filter((word) => !/^[!+@-]/.test(word))
  const unknown = wanted.filter((word) => !isKnown(word))
  if (unknown.length === wanted.length) {
    report(scope, name, { expected: 'at least one cipher suite that OpenSSL knows for TLS 1.2', instead })
    return undefined
  }
  if (unknown.length > 0)
    report(scope, name, {
      expected: 'cipher suites that OpenSSL knows for TLS 1.2',
      because: unknown.join(', '),
      instead: 'they are left out, the others are used',
    })
  // Node takes such names out of the list and switches on what they stand for.
  return words.some(isOfTls13) ? words.filter((word) => !isOfTls13(word)).join(':') : text
}

const expected = 'a list of cipher suites in the form of OpenSSL'

function isKnown(word: string): boolean {
  return cipherSuites.has(word) || word.split('+').every((part) => cipherWords.has(part))
}

function isOfTls13(word: string): boolean {
  return word.startsWith('TLS_')
}
