/** Annotations that decide who may pass: authentication, client certificates, firewalls. */
import type { AnnotationGroup } from '../annotation.ts'
import { closed, honoured, notYet, off, refused } from '../annotation.ts'
import { basicAuthRows } from './basic-auth.ts'
import { externalAuthRows } from './external-auth.ts'

const shut = 'The routes answer 503 rather than be served without it.'
const partOf = (name: string): string => `Belongs to \`${name}\`, which is not honoured yet.`

export const authentication: AnnotationGroup = {
  title: 'Authentication',
  rows: [
    ...basicAuthRows,
    ...externalAuthRows,
    honoured(
      'satisfy',
      'all, any (all)',
      'With `any` one of address lists, basic and external authentication is enough. Limits and network policies count in any case.',
    ),
  ],
}

export const firewall: AnnotationGroup = {
  title: 'Web application firewall',
  rows: [
    closed('enable-modsecurity', shut, { idle: off }),
    closed('enable-owasp-core-rules', shut, { idle: off }),
    notYet('modsecurity-transaction-id', partOf('enable-modsecurity')),
    refused(
      'modsecurity-snippet',
      'Firewall rules are never run; the routes answer 503 rather than be served without them.',
      { judge: () => 'closed' },
    ),
    closed('lua-resty-waf', shut, { idle: [...off, 'inactive'] }),
    notYet('lua-resty-waf-debug', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-ignore-rulesets', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-extra-rules', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-allow-unknown-content-types', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-score-threshold', partOf('lua-resty-waf')),
    notYet('lua-resty-waf-process-multipart-body', partOf('lua-resty-waf')),
  ],
}
