import { expect, test } from 'vitest'
import type { Answer } from '../../src/discovery/answer.ts'
import { answerFromEnvironment } from '../../src/discovery/environment.ts'
import { folder, ids, webService } from './folder-yaml.ts'
import { upstream } from './house.ts'

const env = {
  WEB_SHOP_SERVICE_HOST: '10.96.0.7',
  WEB_SHOP_SERVICE_PORT: '80',
  WEB_SHOP_SERVICE_PORT_HTTP_ALT: '8080',
  POD_NAMESPACE: 'shop',
}
const ask = (id: string, variables: Readonly<Record<string, string>> = env): Answer =>
  answerFromEnvironment(folder(''), upstream(id), variables)

test('names are in capitals with underscores, numbers must be among the ports, names have a variable', () => {
  expect(ids(ask('shop/web-shop:80'))).toEqual(['10.96.0.7:80'])
  expect(ids(ask('shop/web-shop:8080'))).toEqual(['10.96.0.7:8080'])
  expect(ids(ask('shop/web-shop:http-alt'))).toEqual(['10.96.0.7:8080'])
})

test.each(['shop/web-shop:9999', 'shop/web-shop:nope', 'shop/api:80', 'other/web-shop:80'])('%s is unknown', (id) => {
  expect(ask(id).kind).toBe('none')
})

test('without POD_NAMESPACE the namespace is default', () => {
  const { POD_NAMESPACE: _, ...rest } = env
  expect(ids(ask('default/web-shop:80', rest))).toEqual(['10.96.0.7:80'])
  expect(ask('shop/web-shop:80', rest).kind).toBe('none')
})

test('a host that is no address, or a port that is none, is refused', () => {
  expect(ask('shop/web-shop:80', { ...env, WEB_SHOP_SERVICE_HOST: 'localhost' }).kind).toBe('none')
  expect(ask('shop/web-shop:70000', { ...env, WEB_SHOP_SERVICE_PORT: '70000' }).kind).toBe('none')
})

test('a Service object translates the port', () => {
  const answer = answerFromEnvironment(folder(webService), upstream('shop/web:http'), {
    POD_NAMESPACE: 'shop',
    WEB_SERVICE_HOST: '10.96.0.7',
    WEB_SERVICE_PORT: '80',
  })
  expect(ids(answer)).toEqual(['10.96.0.7:80'])
})
