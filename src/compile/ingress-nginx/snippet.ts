/**
 * May an Ingress be served without its snippet of nginx configuration? The snippet is never run; its directives are
 * only named. Those that merely decorate (response fields, buffers, logs) can be left out without opening a door.
 * Anything else, known or not, might have refused a request, so the routes answer 503.
 */
import type { Meanwhile } from '../annotation.ts'
import { statementsOf } from './snippet-text.ts'

const decorating: ReadonlySet<string> = new Set(
  `
    add_header add_trailer more_set_headers more_clear_headers proxy_hide_header proxy_pass_header expires etag
  proxy_set_header more_set_input_headers charset default_type types override_charset gzip gzip_types
  gzip_min_length gzip_comp_level gzip_proxied gzip_vary gunzip brotli brotli_types brotli_comp_level
  access_log error_log log_not_found log_subrequest opentracing opentelemetry chunked_transfer_encoding
  proxy_buffering proxy_buffers proxy_buffer_size proxy_busy_buffers_size proxy_request_buffering
  proxy_max_temp_file_size proxy_connect_timeout proxy_send_timeout proxy_read_timeout send_timeout
  keepalive_timeout keepalive_requests client_body_buffer_size client_body_timeout client_header_timeout
  client_header_buffer_size large_client_header_buffers proxy_http_version proxy_cookie_path
  proxy_cookie_domain proxy_cookie_flags proxy_redirect proxy_ignore_headers sub_filter sub_filter_once
  sub_filter_types sub_filter_last_modified tcp_nodelay tcp_nopush sendfile server_tokens set
  `
    .trim()
    .split(/\s+/),
)

/** Whether a directive can be left out without opening a door. */
export function decorates(directive: string): boolean {
  return decorating.has(directive)
}

/** `ignored` when every directive merely decorates, else `closed`. */
export function judgeSnippet(text: string): Meanwhile {
  return statementsOf(text)?.every(({ name }) => decorates(name)) === true ? 'ignored' : 'closed'
}
