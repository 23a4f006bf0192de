/** The keys of the global ConfigMap about traces, for people. tracing.ts reads them. */
import type { AnnotationRow } from '../annotation.ts'
import { honoured, noEffect } from '../annotation.ts'

export const tracingKeys: readonly AnnotationRow[] = [
  honoured('enable-opentelemetry', 'true, false (false)', 'The default of the annotation of that name.', {
    difference: 'With OTEL_EXPORTER_OTLP_ENDPOINT in the environment the default is `true`.',
  }),
  honoured('opentelemetry-trust-incoming-span', 'true, false (true)', 'The default of the annotation of that name.'),
  honoured('opentelemetry-operation-name', 'as the annotation', 'The default of the annotation of that name.'),
  honoured('otlp-collector-host', 'a host name or an IP address', 'Where spans are sent.'),
  honoured('otlp-collector-port', 'a port (4318)', 'Its port.', {
    difference: 'OTLP/HTTP is spoken, not gRPC: 4317 is a warning, and 4318 is used.',
  }),
  honoured('otel-service-name', 'text (genkan)', 'The name that spans are filed under.', {
    difference: 'In ingress-nginx the default is `nginx`.',
  }),
  honoured('otel-sampler', 'AlwaysOn, AlwaysOff, TraceIdRatioBased (AlwaysOn)', 'Which traces are sampled.'),
  honoured('otel-sampler-ratio', 'a number from 0 to 1 (0.01)', 'The share that TraceIdRatioBased takes.'),
  honoured(
    'otel-sampler-parent-based',
    'true, false (true)',
    'A trace that is continued is sampled as was decided where it began.',
  ),
  honoured('otel-max-queuesize', 'a whole number of at least 1 (2048)', 'Most spans that wait, in each worker.'),
  honoured('otel-schedule-delay-millis', 'milliseconds (5000)', 'How long a span waits for others.'),
  honoured('otel-max-export-batch-size', 'a whole number of at least 1 (512)', 'Most spans of one export.'),
  noEffect('opentelemetry-config', 'There is no module to configure; the keys are read themselves.'),
]
