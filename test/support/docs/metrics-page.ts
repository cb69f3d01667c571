import type { MetricSpec } from '../../../gateway/telemetry/metric-spec.js';
import { REQUEST_METRICS } from '../../../gateway/telemetry/request-metrics.js';
import { SERVER_METRICS } from '../../../gateway/telemetry/server-metrics.js';
import { TRITON_METRICS, TRITON_REASONS } from '../../../gateway/telemetry/triton-metrics.js';

/** The text of docs/METRICS.md. */
export function metricsPage(): string {
  return `# Metrics

Generated from the tables in \`gateway/telemetry\` by \`npm run docs\`; a test keeps it equal.

\`GET /metrics\` answers in Prometheus' text format, on the HTTP port and on a port of its own, 8002, where Triton's scrapers look:
\`--metrics-port\` names another, \`--metrics-own-port=false\` has none, \`--allow-metrics=false\` has no metrics at all. It listens where HTTP does
(\`--http-address\`) unless \`--metrics-address\` says otherwise, with HTTP's encryption, tokens and allowed hosts. Both answer while the server drains. However many
scrape at once, one page is made at a time, and those who ask within 10 ms share it; a long one is made in parts, so that requests do not wait for it. Names begin with \`sluice_\`, durations are in seconds, sizes in
bytes. A histogram has the series \`_bucket\`, \`_sum\` and \`_count\`.

For Prometheus:

\`\`\`yaml
scrape_configs:
  - job_name: sluice
    static_configs:
      - targets: ['localhost:8002']
    # Where the server wants tokens (docs/SECURITY.md), one of the role read:
    # authorization: { credentials_file: /etc/prometheus/sluice.token }
    # Where it has a certificate:
    # scheme: https
    # tls_config: { ca_file: /etc/prometheus/sluice-ca.crt }
\`\`\`

**Labels are bounded.** \`model\` and \`version\` are those of the repository. What is asked for and is not there counts under the
model \`_OTHER\`, whatever clients make up; so do models beyond the first 200, and versions of a model beyond its first 50. Callers,
request ids and messages are in no label.

## Exemplars

A scraper that takes OpenMetrics 1.0.0 gets it, as Prometheus does (\`Accept: application/openmetrics-text\`), and everybody else the text format: the same metrics
under the same names. What OpenMetrics adds is exemplars. Where traces are sent ([TRACING.md](TRACING.md)), each bucket of the five durations of requests and batches
names the newest of its values whose spans were made, with \`trace_id\` and \`span_id\`: from a bar of a latency histogram to a request that was in it. A call
that is not sampled, well and fast, has no spans, and so is no exemplar. Prometheus keeps them with \`--enable-feature=exemplar-storage\`. In OpenMetrics a bound is
written \`le="1.0"\`, in text \`le="1"\`, as their rules want; Prometheus 3 takes both for the same.

## By OTLP

With \`OTEL_METRICS_EXPORTER=otlp\` (or \`--metrics-exporter otlp\`) they are sent to a collector, too, every \`OTEL_METRIC_EXPORT_INTERVAL\` and once more at the end: under the
same names, with the same labels, cumulative since the start. OpenTelemetry's variables for endpoint, protocol, headers, compression and certificates hold, and so do the name and the attributes that
traces have ([CONFIG.md](CONFIG.md)). An endpoint alone, which is enough for traces, is not: a collector may well take those only. One that is down costs its exports and nothing else; the next
one that arrives tells all. There are no exemplars in them.

## Requests, batches and loads

${tableOf(REQUEST_METRICS)}
The reasons of refusals are those of [ERRORS.md](ERRORS.md).

## The server

${tableOf(SERVER_METRICS)}
### Saturation

\`sluice_saturation_ratio\` = the largest of these five, each between 0 and 1:

| part | how |
| --- | --- |
| \`workers\` | busy seconds of all slots / (seconds gone by x workers in rotation); 1 where there is none |
| \`event_loop\` | share of the time in which the gateway's event loop was not idle |
| \`queue_rows\` | rows that wait for the fullest model / \`queue.maxQueueRows\` |
| \`queue_bytes\` | bytes held for requests / \`queue.maxQueueBytes\` |
| \`calls\` | calls in flight / \`queue.maxCallsInFlight\` |

The first two are of a window of at least 5 s that ends at a scrape; the others are of the moment. Above about 0.8 requests begin to
wait; at 1 there is no more to be had from this server, and it refuses what it cannot answer in time.

## Triton's names

With \`--metrics-compat triton\` the page has these, too, with Triton's names, labels and units, so that dashboards, alerts and autoscaling rules that
were made for it go on working; without it they are not there. A version's series begin at zero when it can be called and end when it is unloaded.

${tableOf(TRITON_METRICS)}
Triton's \`reason\` for each of the [reasons](ERRORS.md) here:

${tritonReasons()}
What differs: the label \`gpu_uuid\` and the metrics of GPUs are absent, since models run on the CPU, and so are those of a response cache and the summaries, which Triton has only
when told. In Triton a request that does not fit its model is refused before it is counted; here it counts as OTHER. To scrapers that take OpenMetrics the counters among them are of type
\`unknown\`: as counters their names would end in \`_total\` there.

## What it costs

| what | CPU |
| --- | --- |
| counting, a request in a batch of eight | 0.16 us, of some 15 us that the request takes in all |
| a scrape of a server with one model, HTTP included, in either format | 2.5 ms; with fifty models of two versions each some 25 ms, in parts |
| iris, 100 calls at a time: with metrics and a scrape a second against \`--allow-metrics=false\`, which counts nothing | 0.96 (0.82 to 1.03, 15 pairs by turns) |

That is, what metrics cost a request is less than a machine of two cores that others used, too, could measure; \`npm run bench -- --only metrics\` tries again. Beside
20,000 calls a second, which left no CPU to spare, a scrape took 20 ms, and 32 at most.

## Buckets

${bucketsOf({ ...REQUEST_METRICS, ...SERVER_METRICS })}`;
}

function tritonReasons(): string {
  const words = [...new Set(Object.values(TRITON_REASONS))];
  const rows = words.map((word) => {
    const ours = Object.entries(TRITON_REASONS).flatMap(([reason, triton]) =>
      triton === word ? [`\`${reason}\``] : [],
    );
    return `| ${word} | ${ours.join(' ')} |`;
  });
  return `| Triton | here |\n| --- | --- |\n${rows.join('\n')}\n| OTHER | all others |\n`;
}

function tableOf(metrics: Readonly<Record<string, MetricSpec>>): string {
  const rows = Object.entries(metrics).map(
    ([name, { type, unit, labels, help }]) =>
      `| \`${name}\` | ${type} | ${unit === '1' ? '' : unit} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help} |`,
  );
  return `| name | type | unit | labels | what it tells |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function bucketsOf(metrics: Readonly<Record<string, MetricSpec>>): string {
  const rows = Object.entries(metrics).flatMap(([name, { buckets }]) =>
    buckets === undefined ? [] : [`| \`${name}\` | ${buckets.join(' ')} |`],
  );
  return `| histogram | upper bounds, beside +Inf |\n| --- | --- |\n${rows.join('\n')}\n`;
}
