/** Labels of one series. */
export type Labels = Readonly<Record<string, string>>;

/** One line of a metrics page. */
export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** More series than any server has whose labels are bounded; what is beyond is left out. */
const MAX_SAMPLES = 500_000;
/** What other programs on the same page call theirs is not looked at. */
const PREFIX = 'sluice_';

const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"\s*,?\s*/y;
const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/** A page of metrics, as a server told it at one moment. */
export class Page {
  readonly #byName = new Map<string, Sample[]>();
  #parts: ReadonlyMap<string, Page> | undefined;
  /** How many series it has. */
  readonly size: number;

  constructor(samples: Iterable<Sample>) {
    let size = 0;
    for (const sample of samples) {
      if (size >= MAX_SAMPLES) break;
      size++;
      const list = this.#byName.get(sample.name);
      if (list === undefined) this.#byName.set(sample.name, [sample]);
      else list.push(sample);
    }
    this.size = size;
  }

  /** The series of a metric that have these labels. */
  series(name: string, labels: Labels = {}): readonly Sample[] {
    const all = this.#byName.get(name) ?? [];
    const wanted = Object.entries(labels);
    return wanted.length === 0
      ? all
      : all.filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value));
  }

  /** The sum of those series; undefined where there is none, as of a metric that this machine does not have. */
  sum(name: string, labels: Labels = {}): number | undefined {
    const series = this.series(name, labels);
    return series.length === 0 ? undefined : series.reduce((sum, { value }) => sum + value, 0);
  }

  /** A page for each version of a model, by `versionKey`: to look for the series of each of a thousand among all would be quadratic. */
  byVersion(): ReadonlyMap<string, Page> {
    if (this.#parts !== undefined) return this.#parts;
    const parts = new Map<string, Sample[]>();
    for (const series of this.#byName.values())
      for (const sample of series) {
        const { model, version } = sample.labels;
        if (model === undefined || version === undefined) continue;
        const key = versionKey(model, version);
        const part = parts.get(key);
        if (part === undefined) parts.set(key, [sample]);
        else part.push(sample);
      }
    this.#parts = new Map([...parts].map(([key, samples]) => [key, new Page(samples)]));
    return this.#parts;
  }

  /** The sums of a metric by the values of one of its labels. */
  by(name: string, label: string, labels: Labels = {}): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const sample of this.series(name, labels)) {
      const key = sample.labels[label] ?? '';
      sums.set(key, (sums.get(key) ?? 0) + sample.value);
    }
    return sums;
  }
}

/** A page with nothing on it. */
export const NO_PAGE = new Page([]);

/** What `Page.byVersion` tells versions apart by. */
export function versionKey(model: string, version: string): string {
  return JSON.stringify([model, version]);
}

/** Reads Prometheus' text format, and OpenMetrics' as far as both agree. What is no line of either is passed over. */
export function parsePage(text: string): Page {
  return new Page(samplesOf(text));
}

function* samplesOf(text: string): Iterable<Sample> {
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    // Looked at in place: a page may have a hundred thousand lines, most of them of buckets.
    if (text.startsWith(PREFIX, start)) {
      const sample = sampleIn(text.slice(start, end));
      if (sample !== undefined) yield sample;
    }
    start = end + 1;
  }
}

function sampleIn(line: string): Sample | undefined {
  const name = /^\w+/.exec(line)?.[0] ?? '';
  const labels: Record<string, string> = Object.create(null);
  let at = name.length;
  if (line[at] === '{') {
    LABEL.lastIndex = at + 1;
    at++;
    for (let found = LABEL.exec(line); found !== null; found = LABEL.exec(line)) {
      labels[found[1] as string] = unescaped(found[2] as string);
      at = LABEL.lastIndex;
    }
    if (line[at] !== '}') return undefined;
    at++;
  }
  // An exemplar or a time may follow.
  const [number = ''] = line.slice(at).trimStart().split(/\s/, 1);
  const value = numberOf(number);
  return value === undefined ? undefined : { name, labels, value };
}

function unescaped(value: string): string {
  return value.includes('\\') ? value.replace(/\\./g, (two) => ESCAPES[two] ?? two) : value;
}

function numberOf(text: string): number | undefined {
  if (text === '') return undefined;
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

/** How much a counter has grown between two pages; from nothing without the first. */
export function growthBetween(
  before: Page | undefined,
  after: Page,
): (name: string, labels?: Labels) => number {
  return (name, labels = {}) =>
    Math.max(0, (after.sum(name, labels) ?? 0) - (before?.sum(name, labels) ?? 0));
}
