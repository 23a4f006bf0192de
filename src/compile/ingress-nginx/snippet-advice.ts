/** What to write instead of a statement of nginx configuration text. */
import type { Statement } from './snippet-text.ts'

/** Half a sentence; `undefined` where nothing does the same. */
export function adviceFor({ name, words }: Statement): string | undefined {
  const field = (words[0] ?? '').toLowerCase()
  if (/^(?:add_header|more_set_headers|more_clear_headers)$/.test(name)) {
    if (field.startsWith('access-control-')) return 'enable-cors and cors-* do this'
    if (field.startsWith('strict-transport-security')) return 'hsts in the global ConfigMap does this'
    return `custom-headers does this, and so does ${safely}`
  }
  if (name === 'proxy_set_header' && field === 'host') return 'upstream-vhost does this'
  if (name === 'return' && field === '301') return `permanent-redirect does this, and so does ${safely}`
  if (name === 'return' && /^(?:30|https?:|\/)/.test(field)) return `temporal-redirect does this, and so does ${safely}`
  return instead.find(([names]) => names.test(name))?.[1]
}

const safely = 'genkan.dev/allow-snippets: safe'

const instead: readonly (readonly [RegExp, string])[] = [
  [/_by_lua/, 'code is never run, not even on request'],
  [
    /^(?:include|alias|root|load_module|proxy_pass|content_by.*|fastcgi_pass|uwsgi_pass)$/,
    'only rules lead to backends, and files are never served',
  ],
  [
    /^(?:proxy_set_header|more_set_input_headers)$/,
    `proxy-set-headers in the global ConfigMap does this for all, ${safely} for one Ingress`,
  ],
  [/^proxy_hide_header$/, `hide-headers in the global ConfigMap does this for all, ${safely} for one Ingress`],
  [/^(?:allow|deny)$/, 'allowlist-source-range and denylist-source-range do this'],
  [/^satisfy$/, 'satisfy does this'],
  [/^auth_basic/, 'auth-type: basic with auth-secret does this'],
  [/^auth_request/, 'auth-url does this'],
  [/^limit_req/, 'limit-rps, limit-rpm and genkan.dev/rate-limit do this'],
  [/^limit_conn/, 'limit-connections does this'],
  [/^client_max_body_size$/, 'proxy-body-size does this'],
  [/^proxy_(?:connect|read|send)_timeout$/, 'the annotation of that name, with - for _, does this'],
  [
    /^(?:proxy_cookie_path|proxy_cookie_domain|proxy_next_upstream.*)$/,
    'the annotation of that name, with - for _, does this',
  ],
  [/^proxy_redirect$/, 'proxy-redirect-from and proxy-redirect-to do this'],
  [/^proxy_ssl_/, 'the annotation of that name, with - for _, does this'],
  [/^rewrite$/, `rewrite-target does this for the backend, ${safely} for redirects`],
  [/^return$/, `a rule without a backend answers nothing; ${safely} interprets fixed answers`],
  [
    /^if$/,
    `${safely} interprets it where it only holds a return; else write rules for the hosts and paths that should differ`,
  ],
  [/^location$/, 'write a rule for that path'],
  [/^(?:error_page|proxy_intercept_errors)$/, 'custom-http-errors with default-backend does this'],
  [/^mirror/, 'mirror-target does this'],
  [/^(?:gzip|brotli)/, 'genkan.dev/compress compresses responses'],
  [/^proxy_.*buffer/, 'there is nothing to tune: bodies are streamed'],
  [/^access_log$/, 'enable-access-log does this'],
]
