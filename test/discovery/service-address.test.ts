import { expect, test } from 'vitest'
import { answerFromService } from '../../src/discovery/service-address.ts'
import { folder, ids } from './folder-yaml.ts'
import { upstream } from './house.ts'

const service = (spec: string): ReturnType<typeof folder> =>
  folder(`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: ${spec}}`)
const ports = 'ports: [{name: http, port: 80, targetPort: 8080}]'

test('is the clusterIP at the port of the Service, not of its Pods', () => {
  const web = service(`{clusterIP: 10.96.0.7, ${ports}}`)
  expect(ids(answerFromService(web, upstream('shop/web:http'), undefined))).toEqual(['10.96.0.7:80'])
  expect(
    ids(answerFromService(service(`{clusterIP: 'fd00::7', ${ports}}`), upstream('shop/web:80'), undefined)),
  ).toEqual(['[fd00::7]:80'])
})

test('is a stand-in where there is one, whatever is written', () => {
  const place = { address: '127.0.0.9', port: 4711 }
  expect(ids(answerFromService(service(`{clusterIP: 10.96.0.7, ${ports}}`), upstream('shop/web:80'), place))).toEqual([
    '127.0.0.9:4711',
  ])
})

test.each([
  ['no clusterIP', `{${ports}}`, 'shop/web:80'],
  ['a headless Service', `{clusterIP: None, ${ports}}`, 'shop/web:80'],
  ['a port that the Service does not have', `{clusterIP: 10.96.0.7, ${ports}}`, 'shop/web:81'],
  ['a Service in no file', `{clusterIP: 10.96.0.7, ${ports}}`, 'shop/api:80'],
])('knows nothing of %s', (_, spec, id) => {
  expect(answerFromService(service(spec), upstream(id), undefined).kind).toBe('none')
})
