/** Small texts of the command line to numbers. Every function answers `undefined` for what it does not understand. */

const UNIT_MS: Readonly<Record<string, number>> = {
  us: 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
};

/** `10s`, `500ms`, `1.5m` in milliseconds; the unit must be there. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/.exec(text.trim()) ?? [];
  if (number === undefined || unit === undefined) return undefined;
  return Number(number) * (UNIT_MS[unit] as number);
}

/** Above 0; what a list or range of the command line may be made of. */
export function parsePositive(text: string): number | undefined {
  const value = /^\d+(?:\.\d+)?(?:e\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

/** No sweep has more points. */
const MAX_POINTS = 1000;

/**
 * Points of a sweep: `8`, `1,2,8`, `start:end` (step 1), `start:end:step`, or `start:end:2x` for factors. The end is
 * part of it when a step meets it; a factor's last step is cut to it.
 */
export function parseRange(text: string): number[] | undefined {
  if (text.includes(',')) {
    const values = text.split(',').map(parsePositive);
    return values.length <= MAX_POINTS && values.every((value) => value !== undefined) ? values : undefined;
  }
  const parts = text.split(':');
  if (parts.length > 3) return undefined;
  const start = parsePositive(parts[0] as string);
  const end = parts[1] === undefined ? start : parsePositive(parts[1]);
  const factor = parts[2]?.endsWith('x') ?? false;
  const step = parts[2] === undefined ? 1 : parsePositive(factor ? parts[2].slice(0, -1) : parts[2]);
  if (start === undefined || end === undefined || step === undefined || start > end) return undefined;
  return factor ? byFactor(start, end, step) : bySteps(start, end, step);
}

function bySteps(start: number, end: number, step: number): number[] | undefined {
  const count = Math.floor((end - start) / step + 1e-9) + 1;
  if (count > MAX_POINTS) return undefined;
  return Array.from({ length: count }, (_, i) => rounded(start + i * step));
}

function byFactor(start: number, end: number, factor: number): number[] | undefined {
  if (factor <= 1) return undefined;
  const values: number[] = [];
  for (let value = start; value < end * (1 - 1e-9); value *= factor) {
    values.push(rounded(value));
    if (values.length > MAX_POINTS) return undefined;
  }
  return [...values, end];
}

/** Without the last bits that adding up leaves. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
