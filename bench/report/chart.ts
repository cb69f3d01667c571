import type { Scale } from './scale.js';

/** One line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** 0 to 7: which of the page's colours. */
  readonly colour: number;
  readonly dashed?: boolean;
  /** Draws a dot at every point; `labels` are shown beside them and by the browser when pointed at. */
  readonly labels?: readonly string[];
}

export interface Chart {
  readonly title: string;
  /** What it shows, for those who cannot see it. */
  readonly description: string;
  readonly x: Scale;
  readonly y: Scale;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly Series[];
}

/** Narrow on purpose: on a phone the drawing is shrunk to its width, and its text must stay readable. */
const WIDTH = 480;
const HEIGHT = 290;
const LEFT = 58;
const RIGHT = 14;
const TOP = 24;
const BOTTOM = 44;

/** A line chart as inline SVG with a legend under it. Colours are the page's (`--c0` to `--c7`). */
export function chartHtml(chart: Chart): string {
  const { x, y, series, title, description } = chart;
  const px = (value: number): number => fixed(LEFT + x.at(value) * (WIDTH - LEFT - RIGHT));
  const py = (value: number): number => fixed(HEIGHT - BOTTOM - y.at(value) * (HEIGHT - TOP - BOTTOM));
  const grid = [
    ...y.ticks.map(
      ({ value, label }) =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(value)}" y2="${py(value)}"/><text class="tick end" x="${LEFT - 6}" y="${py(value) + 4}">${escapeHtml(label)}</text>`,
    ),
    ...x.ticks.map(
      ({ value, label }) =>
        `<line class="grid" y1="${TOP}" y2="${HEIGHT - BOTTOM}" x1="${px(value)}" x2="${px(value)}"/><text class="tick middle" x="${px(value)}" y="${HEIGHT - BOTTOM + 16}">${escapeHtml(label)}</text>`,
    ),
  ];
  const axisTitles =
    `<text class="axis middle" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}">${escapeHtml(chart.xTitle)}</text>` +
    `<text class="axis" x="4" y="14">${escapeHtml(chart.yTitle)}</text>`;
  const drawn = series.map((one) => seriesSvg(one, px, py)).join('');
  const legend = series
    .map(
      ({ name, colour, dashed }) =>
        `<li><svg viewBox="0 0 22 8" aria-hidden="true"><path class="line c${colour}${dashed ? ' dashed' : ''}" d="M0 4H22"/></svg>${escapeHtml(name)}</li>`,
    )
    .join('');
  return (
    `<figure><figcaption>${escapeHtml(title)}</figcaption>` +
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(description)}">` +
    `${grid.join('')}${axisTitles}${drawn}</svg><ul class="legend">${legend}</ul></figure>`
  );
}

function seriesSvg(
  { points, colour, dashed, labels, name }: Series,
  px: (x: number) => number,
  py: (y: number) => number,
): string {
  const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${px(x)} ${py(y)}`).join('');
  const line =
    points.length > 1 ? `<path class="line c${colour}${dashed ? ' dashed' : ''}" d="${path}"/>` : '';
  // One point has no line: a dot shows that it is there.
  if (labels === undefined && points.length > 1) return line;
  const dots = points.map(([x, y], i) => {
    const label = labels?.[i] ?? name;
    return `<circle class="dot c${colour}" cx="${px(x)}" cy="${py(y)}" r="3.5"><title>${escapeHtml(label)}</title></circle>`;
  });
  return line + dots.join('');
}

/** Makes any text safe within HTML and its attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function fixed(value: number): number {
  return Number(value.toFixed(1));
}
