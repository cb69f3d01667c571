/** What a server says of itself over one measurement, warm-up left out as far as scrapes can be timed. */
export interface ServerFigures {
  /** Mean rows of a batch that ran. */
  readonly batchRows?: number | undefined;
  readonly batches?: number | undefined;
  /** Mean wait of a request before its batch was sent. */
  readonly queueMs?: number | undefined;
  readonly computeInputMs?: number | undefined;
  /** Mean time of a run. */
  readonly computeMs?: number | undefined;
  readonly computeOutputMs?: number | undefined;
}

/** One sample of a Prometheus page. */
interface PageSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the text format of Prometheus; comments and lines that are not samples are skipped. */
export function parsePage(page: string): PageSample[] {
  return page.split('\n').flatMap((line): PageSample[] => {
    const [, name, labels = '', value] =
      /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line.startsWith('#') ? '' : line) ?? [];
    if (name === undefined || value === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [
      key as string,
      (text as string).replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)),
    ]);
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }];
  });
}

/**
 * The difference of two pages of one server, summed over the models that were called: Sluice's own metrics, or
 * Triton's (`nv_inference_…`, microseconds). What a page does not have stays undefined.
 */
export function serverFigures(before: string, after: string, models: readonly string[]): ServerFigures {
  const first = totals(before, models);
  const second = totals(after, models);
  const delta = (name: string): number | undefined => {
    const end = second.get(name);
    return end === undefined ? undefined : end - (first.get(name) ?? 0);
  };
  const mean = (sum: string, count: string, factor = 1): number | undefined => {
    const total = delta(sum);
    const number = delta(count);
    return total === undefined || !number || number < 0 ? undefined : (total / number) * factor;
  };
  if (second.has('sluice_batch_rows_count')) {
    return {
      batchRows: mean('sluice_batch_rows_sum', 'sluice_batch_rows_count'),
      batches: delta('sluice_batch_rows_count'),
      queueMs: mean(
        'sluice_request_queue_duration_seconds_sum',
        'sluice_request_queue_duration_seconds_count',
        1e3,
      ),
      computeMs: mean(
        'sluice_batch_compute_duration_seconds_sum',
        'sluice_batch_compute_duration_seconds_count',
        1e3,
      ),
    };
  }
  const requests = 'nv_inference_request_success';
  return {
    batchRows: mean('nv_inference_count', 'nv_inference_exec_count'),
    batches: delta('nv_inference_exec_count'),
    queueMs: mean('nv_inference_queue_duration_us', requests, 1e-3),
    computeInputMs: mean('nv_inference_compute_input_duration_us', requests, 1e-3),
    computeMs: mean('nv_inference_compute_infer_duration_us', requests, 1e-3),
    computeOutputMs: mean('nv_inference_compute_output_duration_us', requests, 1e-3),
  };
}

function totals(page: string, models: readonly string[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name, labels, value } of parsePage(page)) {
    const model = labels['model'];
    if (model !== undefined && models.includes(model) && Number.isFinite(value)) {
      sums.set(name, (sums.get(name) ?? 0) + value);
    }
  }
  return sums;
}

/** A page is fetched within this time or not at all. */
const SCRAPE_TIMEOUT_MS = 2000;
const MAX_PAGE_CHARS = 16 * 1024 * 1024;

/** Fetches a metrics page. Rejects when there is none. */
export async function fetchPage(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(SCRAPE_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`it answered HTTP ${response.status}`);
  return (await response.text()).slice(0, MAX_PAGE_CHARS);
}
