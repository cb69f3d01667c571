import { type Metric, Registry } from 'prom-client';
import type { Buckets } from './buckets.js';
import type { MetricSpec } from './metric-spec.js';
import { METRICS, type MetricName } from './metric-table.js';

/** One series at the moment of a scrape: a value, or the buckets of a histogram. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: number;
  readonly buckets?: Buckets;
}

interface Line {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Renders what is counted elsewhere as a Prometheus page: prom-client formats, and holds no counts of its own. */
export class Exposition {
  readonly #registry = new Registry();

  /** Collectors by metric; a metric of the table without one is left out. */
  constructor(collectors: Partial<Readonly<Record<MetricName, () => readonly Sample[]>>>) {
    for (const [name, spec] of Object.entries(METRICS) as [MetricName, MetricSpec][]) {
      const collect = collectors[name];
      if (collect !== undefined) this.#registry.registerMetric(view(name, spec, collect));
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }
}

/**
 * A metric in prom-client's sense is whatever answers `get()` with its present values; its types name only the four
 * classes that keep their own counts, hence the cast.
 */
function view(name: string, spec: MetricSpec, collect: () => readonly Sample[]): Metric<string> {
  const metric = {
    name,
    get: async () => ({
      name,
      help: spec.help,
      type: spec.type,
      values: collect().flatMap((sample) => toLines(name, sample)),
      aggregator: 'sum',
    }),
  };
  return metric as unknown as Metric<string>;
}

function toLines(name: string, { labels, value, buckets }: Sample): Line[] {
  if (buckets === undefined) return [{ metricName: name, labels, value: value ?? 0 }];
  // A series that nothing was added to would only take up room.
  if (buckets.count === 0) return [];
  let cumulated = 0;
  const lines = Array.from(buckets.counts, (count, i): Line => {
    cumulated += count;
    const le = buckets.bounds[i] ?? '+Inf';
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: cumulated };
  });
  lines.push(
    { metricName: `${name}_sum`, labels, value: buckets.sum },
    { metricName: `${name}_count`, labels, value: buckets.count },
  );
  return lines;
}
