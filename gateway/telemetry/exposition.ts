import { type Metric, Registry } from 'prom-client';
import type { Buckets } from './buckets.js';
import type { Exemplar } from './exemplars.js';
import type { MetricSpec } from './metric-spec.js';
import { openMetricsNumber } from './open-metrics-number.js';
import { type PageFormat, pageFormat } from './page-format.js';

/** One series at the moment of a scrape: a value, or the buckets of a histogram. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: number;
  readonly buckets?: Buckets;
}

/** What a scraper is answered. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** A metric, and where its series are read. */
export interface CollectedMetric {
  readonly name: string;
  readonly spec: MetricSpec;
  readonly collect: () => readonly Sample[];
}

interface Line {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly exemplar?: Exemplar | undefined;
}

/** Renders what is counted elsewhere for scrapers: prom-client formats, and holds no counts of its own. */
export class Exposition {
  readonly #registries: Readonly<Record<PageFormat, Registry>>;
  /** Pages that are about to be rendered. */
  readonly #coming = new Map<PageFormat, Promise<MetricsPage>>();

  constructor(metrics: readonly CollectedMetric[]) {
    const openMetrics = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
    openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#registries = { text: new Registry(), openmetrics: openMetrics as unknown as Registry };
    for (const metric of metrics) {
      this.#registries.text.registerMetric(view(textView(metric)));
      openMetrics.registerMetric(view(openMetricsView(metric)));
    }
  }

  /**
   * The page as it is when this turn of the event loop is over: however many ask in one turn, it is rendered once.
   *
   * @param accept what the scraper takes, as its header says @default text
   */
  render(accept?: string): Promise<MetricsPage> {
    const format = pageFormat(accept);
    let page = this.#coming.get(format);
    if (page === undefined) {
      page = this.#renderSoon(format);
      this.#coming.set(format, page);
    }
    return page;
  }

  async #renderSoon(format: PageFormat): Promise<MetricsPage> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    // Who asks from now on might miss what has been read already.
    this.#coming.delete(format);
    const registry = this.#registries[format];
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}

/** How a metric is written: under which name, as what, with which lines. */
interface View {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly lines: () => readonly Line[];
}

function textView({ name, spec, collect }: CollectedMetric): View {
  const { help, type } = spec;
  return { name, help, type, lines: () => collect().flatMap((sample) => toLines(name, sample, String)) };
}

/**
 * In OpenMetrics a counter's name has no `_total`, and each of its lines has (prom-client adds it). What counts and is not called
 * so would change its name; as of unknown type it keeps it.
 */
function openMetricsView({ name, spec, collect }: CollectedMetric): View {
  const counts = spec.type === 'counter';
  const type = counts && !name.endsWith('_total') ? 'unknown' : spec.type;
  const base = type === 'counter' ? name.replace(/_total$/, '') : name;
  const lines = () => collect().flatMap((sample) => toLines(base, sample, openMetricsNumber));
  return { name: base, help: spec.help.replaceAll('"', '\\"'), type, lines };
}

/**
 * A metric in prom-client's sense is whatever answers `get()` with its present values; its types name only the four
 * classes that keep their own counts, hence the cast.
 */
function view({ name, help, type, lines }: View): Metric<string> {
  const metric = { name, type, get: async () => ({ name, help, type, values: lines(), aggregator: 'sum' }) };
  return metric as unknown as Metric<string>;
}

function toLines(
  name: string,
  { labels, value, buckets }: Sample,
  boundOf: (bound: number) => string,
): Line[] {
  if (buckets === undefined) return [{ metricName: name, labels, value: value ?? 0 }];
  // A series that nothing was added to would only take up room.
  if (buckets.count === 0) return [];
  let cumulated = 0;
  const lines = Array.from(buckets.counts, (count, i): Line => {
    cumulated += count;
    const bound = buckets.bounds[i];
    const le = bound === undefined ? '+Inf' : boundOf(bound);
    const exemplar = buckets.exemplars?.get(i);
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: cumulated, exemplar };
  });
  lines.push(
    { metricName: `${name}_sum`, labels, value: buckets.sum },
    { metricName: `${name}_count`, labels, value: buckets.count },
  );
  return lines;
}
