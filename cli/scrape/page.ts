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

  /** Every series. */
  *all(): Iterable<Sample> {
    for (const series of this.#byName.values()) yield* series;
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
