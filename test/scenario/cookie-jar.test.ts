import { describe, expect, test } from 'vitest'
import { CookieJar, type CookieScope } from '../../src/scenario/cookie-jar.ts'

const shop: CookieScope = { host: 'shop.test', path: '/cart/items', isSecure: true, now: 1_000 }

function jarWith(...setCookies: readonly string[]): CookieJar {
  const jar = new CookieJar()
  jar.keep(setCookies, shop)
  return jar
}

describe('a cookie', () => {
  for (const [setCookie, scope, header] of [
    ['a=1', {}, 'a=1'],
    ['a=1', { path: '/cart' }, 'a=1'],
    ['a=1', { path: '/' }, undefined],
    ['a=1; Path=/', { path: '/other' }, 'a=1'],
    ['a=1; Path=/ca', { path: '/cart' }, undefined],
    ['a=1', { host: 'api.shop.test' }, undefined],
    ['a=1; Domain=shop.test', { host: 'api.shop.test' }, 'a=1'],
    ['a=1; Domain=other.test', {}, undefined],
    ['a=1; Secure', { isSecure: false }, undefined],
    ['a=1; Max-Age=1', { now: 2_001 }, undefined],
    ['a=1; Max-Age=1', { now: 1_999 }, 'a=1'],
    ['a=1; Expires=Thu, 01 Jan 1970 00:00:01 GMT', { now: 500 }, undefined],
    ['a=b=c', {}, 'a=b=c'],
    ['novalue', {}, undefined],
  ] as const) {
    test(`"${setCookie}" is ${header === undefined ? 'kept back' : 'sent'} for ${JSON.stringify(scope)}`, () => {
      expect(jarWith(setCookie).header({ ...shop, ...scope })).toBe(header)
    })
  }

  test('is replaced by the next of its name and place, and taken away by Max-Age=0', () => {
    const jar = jarWith('a=1; Path=/', 'b=2; Path=/', 'a=3; Path=/')
    expect(jar.header(shop)).toBe('b=2; a=3')
    jar.keep(['b=; Path=/; Max-Age=0'], shop)
    expect(jar.header(shop)).toBe('a=3')
  })

  test('of the longer path goes first', () => {
    expect(jarWith('a=1; Path=/', 'b=2; Path=/cart').header(shop)).toBe('b=2; a=1')
  })
})
