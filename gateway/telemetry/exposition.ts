import { type Metric, Registry } from 'prom-client';
import type { Buckets } from './buckets.js';
import type { Exemplar } from './exemplars.js';
import type { MetricSpec } from './metric-spec.js';
import { openMetricsNumber } from './open-metrics-number.js';
import { type PageFormat, pageFormat } from './page-format.js';

type Labels = Readonly<Record<string, string>>;

/** One series at the moment of a scrape: a value, or the buckets of a histogram. */
export interface Sample {
  /** Of a histogram the same object at each scrape: its text is made once. */
  readonly labels: Labels;
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
  readonly labels: Labels;
  /** Further labels, whose text prom-client keeps for as long as there is this object. */
  readonly sharedLabels?: Labels;
  readonly value: number;
  readonly exemplar?: Exemplar | undefined;
}

/** Length of text after which requests get their turn: some milliseconds' worth. */
const CHARS_A_TURN = 150_000;

/**
 * Renders what is counted elsewhere for scrapers: prom-client formats, and holds no counts of its own. However many scrape, one page
 * is rendered at a time; a long one gives way to requests again and again.
 */
export class Exposition {
  readonly #registries: Readonly<Record<PageFormat, Registry>>;
  readonly #gather: () => Promise<void>;
  readonly #names: Readonly<Record<PageFormat, readonly string[]>>;
  /** Pages that are about to be rendered. */
  readonly #coming = new Map<PageFormat, Promise<MetricsPage>>();
  /** Settles when the last page that was asked for is there. */
  #last: Promise<void> = Promise.resolve();

  /** @param gather how long others are waited for who want a page, too */
  constructor(metrics: readonly CollectedMetric[], gather = nextTurn) {
    this.#gather = gather;
    const openMetrics = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>();
    openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#registries = { text: new Registry(), openmetrics: openMetrics as unknown as Registry };
    const views = { text: metrics.map(textView), openmetrics: metrics.map(openMetricsView) };
    for (const format of ['text', 'openmetrics'] as const)
      for (const of of views[format]) this.#registries[format].registerMetric(view(of));
    const names = (format: PageFormat) => views[format].map(({ name }) => name);
    this.#names = { text: names('text'), openmetrics: names('openmetrics') };
  }

  /**
   * The page as it is a little later than now. All who ask before it is begun get the same one.
   *
   * @param accept what the scraper takes, as its header says @default text
   */
  render(accept?: string): Promise<MetricsPage> {
    const format = pageFormat(accept);
    let page = this.#coming.get(format);
    if (page === undefined) {
      page = this.#renderAfter(this.#last, format);
      this.#coming.set(format, page);
      const done = (): void => {};
      this.#last = page.then(done, done);
    }
    return page;
  }

  async #renderAfter(last: Promise<void>, format: PageFormat): Promise<MetricsPage> {
    await last;
    await this.#gather();
    // Who asks from now on might miss what has been read already.
    this.#coming.delete(format);
    const registry = this.#registries[format];
    const parts: string[] = [];
    let chars = 0;
    for (const name of this.#names[format]) {
      const part = await registry.getSingleMetricAsString(name);
      parts.push(part);
      chars += part.length;
      if (chars < CHARS_A_TURN) continue;
      chars = 0;
      await nextTurn();
    }
    const text = format === 'text' ? `${parts.join('\n\n')}\n` : `${parts.join('\n')}\n# EOF\n`;
    return { contentType: registry.contentType, text };
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
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
  return { name, help, type, lines: linesOf(name, spec, collect, String) };
}

/**
 * In OpenMetrics a counter's name has no `_total`, and each of its lines has (prom-client adds it). What counts and is not called
 * so would change its name; as of unknown type it keeps it.
 */
function openMetricsView({ name, spec, collect }: CollectedMetric): View {
  const counts = spec.type === 'counter';
  const type = counts && !name.endsWith('_total') ? 'unknown' : spec.type;
  const base = type === 'counter' ? name.replace(/_total$/, '') : name;
  const lines = linesOf(base, spec, collect, openMetricsNumber);
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

/** The lines of a metric. There are many at a scrape, so what is the same in all of them is made here. */
function linesOf(
  name: string,
  { buckets: bounds = [] }: MetricSpec,
  collect: () => readonly Sample[],
  boundOf: (bound: number) => string,
): () => readonly Line[] {
  const bucketName = `${name}_bucket`;
  const sumName = `${name}_sum`;
  const countName = `${name}_count`;
  const upTo: readonly Labels[] = [...bounds.map(boundOf), '+Inf'].map((le) => ({ le }));
  const addBuckets = (lines: Line[], buckets: Buckets, sharedLabels: Labels): void => {
    let value = 0;
    for (const [i, labels] of upTo.entries()) {
      value += buckets.counts[i] as number;
      const exemplar = buckets.exemplars?.get(i);
      lines.push({ metricName: bucketName, labels, sharedLabels, value, exemplar });
    }
    lines.push(
      { metricName: sumName, labels: NO_LABELS, sharedLabels, value: buckets.sum },
      { metricName: countName, labels: NO_LABELS, sharedLabels, value: buckets.count },
    );
  };
  return () => {
    const lines: Line[] = [];
    for (const { labels, value, buckets } of collect()) {
      if (buckets === undefined) lines.push({ metricName: name, labels, value: value ?? 0 });
      // A series that nothing was added to would only take up room.
      else if (buckets.count > 0) addBuckets(lines, buckets, labels);
    }
    return lines;
  };
}

const NO_LABELS: Labels = {};
