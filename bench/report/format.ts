/** Numbers for people: three to four digits that count, units always said. */

/** `0.42 ms`, `12.3 ms`, `1.25 s`; `–` for what is not there. */
export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value >= 10_000) return `${digits(value / 1000)} s`;
  return `${digits(value)} ms`;
}

/** `1234`, `56.7`. */
export function number(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? '–' : digits(value);
}

/** A share as `99.95%`. Close to all and to none keep the digits that tell. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–';
  if (share === 0 || share === 1) return `${share * 100}%`;
  const value = share * 100;
  const fine = value > 99 || value < 1 ? 3 : 1;
  // Rounding must not turn "nearly all" into "all", nor "hardly any" into "none".
  if (value > 99.999) return '>99.999%';
  if (value < 0.001) return '<0.001%';
  return `${Number(value.toFixed(fine))}%`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  return size === 0 ? '0' : value.toFixed(3);
}

/** Statuses other than OK with their counts, the most frequent first: `UNAVAILABLE 12, INTERNAL 1`. */
export function statuses(byStatus: Readonly<Record<string, number>>): string {
  return Object.entries(byStatus)
    .filter(([name, count]) => name !== 'OK' && count > 0)
    .sort(([, left], [, right]) => right - left)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
