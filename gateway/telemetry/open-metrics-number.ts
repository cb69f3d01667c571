/**
 * A bound of a bucket as OpenMetrics wants it in `le`, so that all who write one write the same: 1 is `1.0`, and what has an
 * exponent below -4 or of 6 and more is written with it (`1e-05`, `1.048576e+06`), as Prometheus itself does.
 */
export function openMetricsNumber(value: number): string {
  const scientific = value.toExponential();
  const exponent = Number(scientific.slice(scientific.indexOf('e') + 1));
  // JavaScript writes `1e-7`, the others `1e-07`.
  if (exponent < -4 || exponent >= 6) return scientific.replace(/e([+-])(\d)$/, 'e$10$2');
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
