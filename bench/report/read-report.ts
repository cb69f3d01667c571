import { type BenchReport, REPORT_FORMAT } from './document.js';

/** Reads what `--json` wrote. Throws Error with what is wrong, without the file's name. */
export function readReport(text: string): BenchReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`);
  }
  const report = value as Partial<BenchReport> | null;
  if (typeof report !== 'object' || report === null || report.format !== REPORT_FORMAT) {
    const format = JSON.stringify((report as { format?: unknown } | null)?.format ?? null).slice(0, 60);
    throw new Error(
      `its "format" is ${format}; wanted "${REPORT_FORMAT}", as \`sluice bench --json\` writes it`,
    );
  }
  const sound =
    Array.isArray(report.measurements) &&
    report.measurements.every((one) => typeof one?.step === 'string' && typeof one.figures === 'object') &&
    Array.isArray(report.templates) &&
    typeof report.settings === 'object' &&
    typeof report.machine === 'object';
  if (!sound) throw new Error('it lacks parts of a report: measurements, templates, settings or machine');
  return report as BenchReport;
}
