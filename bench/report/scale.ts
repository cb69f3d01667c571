/** Maps values to positions on an axis, and says where its ticks are. */
export interface Scale {
  /** 0 at the axis' start, 1 at its end; values beyond are cut. */
  at(value: number): number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

type Label = (value: number) => string;

/** From 0 to a round number above `max`. */
export function linearScale(max: number, label: Label): Scale {
  const top = max > 0 && Number.isFinite(max) ? max : 1;
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const count = Math.ceil(top / step - 1e-9);
  const end = count * step;
  const ticks = Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(10)));
  return {
    at: (value) => clamp(value / end),
    ticks: ticks.map((value) => ({ value, label: label(value) })),
  };
}

/** From 0 to `end` itself, with the round ticks that lie within: for time, where nothing comes after the end. */
export function spanScale(end: number, label: Label): Scale {
  const wide = linearScale(end, label);
  return {
    at: (value) => clamp(end > 0 ? value / end : 0),
    ticks: wide.ticks.filter(({ value }) => value <= end * 1.0001),
  };
}

/** Logarithmic, from a 1, 2 or 5 below `min` to one above `max`. */
export function logScale(min: number, max: number, label: Label): Scale {
  const low = below(min > 0 ? min : max / 1000);
  const high = above(Math.max(max, low * 1.0001));
  const span = Math.log(high / low);
  const marks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high * 1.0001; power++) {
    for (const factor of [1, 2, 5]) {
      const value = Number((factor * 10 ** power).toPrecision(3));
      if (value >= low * 0.9999 && value <= high * 1.0001) marks.push(value);
    }
  }
  const decades = marks.filter(
    (value) => /^1(e|$|0*$)/.test(String(value)) || /^0\.0*1$/.test(String(value)),
  );
  const shown = marks.length > 9 && decades.length >= 2 ? decades : marks;
  return {
    at: (value) => (value <= 0 ? 0 : clamp(Math.log(value / low) / span)),
    ticks: shown.map((value) => ({ value, label: label(value) })),
  };
}

/** Quantiles by the nines in them, so that 99%, 99.9% and 99.99% lie at equal distances. */
export function ninesScale(
  nines: number,
  label: Label = (q) => `${Number((q * 100).toPrecision(8))}%`,
): Scale {
  const end = Math.max(1, nines);
  const place = (q: number): number => clamp(-Math.log10(1 - Math.min(q, 1 - 1e-12)) / end);
  const marks = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
  return {
    at: place,
    ticks: marks
      .filter((q) => -Math.log10(1 - q) <= end + 1e-9)
      .map((value) => ({ value, label: label(value) })),
  };
}

/** Logarithmic when the values span so much that small ones would lie on the axis. */
export function fittingScale(values: readonly number[], label: Label): Scale {
  const positive = values.filter((value) => value > 0);
  const max = Math.max(...positive, 0);
  const min = Math.min(...positive, max);
  return max / min > 20 ? logScale(min, max, label) : linearScale(max, label);
}

function below(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [5, 2, 1].find((candidate) => candidate * power <= value * 1.0001) ?? 1;
  return factor * power;
}

function above(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((candidate) => candidate * power >= value * 0.9999) ?? 10) * power;
}

function clamp(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
}
