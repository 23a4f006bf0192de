/** Annotations that decide who may pass: authentication, client certificates, firewalls. */
import type { AnnotationGroup } from '../annotation.ts'
import { honoured, never, noEffect, off, refused } from '../annotation.ts'
import { basicAuthRows } from './basic-auth.ts'
import { externalAuthRows } from './external-auth.ts'

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

const waf =
  "No firewall runs here; the routes answer 503 rather than be served without it. Let a firewall of its own, such as Coraza or a cloud provider's, stand in front of the front door or before the backend, and take the annotation away."
const ofFirewall = (name: string): string => `Belongs to \`${name}\`, which is refused.`

export const firewall: AnnotationGroup = {
  title: 'Web application firewall',
  rows: [
    never('enable-modsecurity', waf, { idle: off }),
    never('enable-owasp-core-rules', waf, { idle: off }),
    noEffect(
      'modsecurity-transaction-id',
      `${ofFirewall('enable-modsecurity')} \`X-Request-ID\` tells requests apart.`,
    ),
    refused(
      'modsecurity-snippet',
      'Firewall rules are never run; the routes answer 503 rather than be served without them.',
      { judge: () => 'closed' },
    ),
    never('lua-resty-waf', waf, { idle: [...off, 'inactive'] }),
    ...[
      'lua-resty-waf-debug',
      'lua-resty-waf-ignore-rulesets',
      'lua-resty-waf-extra-rules',
      'lua-resty-waf-allow-unknown-content-types',
      'lua-resty-waf-score-threshold',
      'lua-resty-waf-process-multipart-body',
    ].map((name) => noEffect(name, ofFirewall('lua-resty-waf'))),
  ],
}
