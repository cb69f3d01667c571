import { number } from '../../bench/report/format.js';
import { printable } from '../io.js';
import type { ServerView } from '../scrape/view.js';
import type { Ranked } from './rank.js';

/** What a look at a server came to. */
export interface Diagnosis {
  readonly place: string;
  readonly seconds: number;
  readonly view: ServerView;
  readonly findings: readonly Ranked[];
  /** What could not be looked at, and why. */
  readonly blind: readonly string[];
}

/** The diagnosis in words. */
export function doctorText({ place, seconds, view, findings, blind }: Diagnosis): string {
  const lines = [
    `sluice ${view.release} at ${place}, over ${seconds.toFixed(1)} s: ${number(view.requestsPerSec)} requests/s, ${number(view.failedPerSec)} failed/s, ${view.ready ? 'ready' : 'NOT READY'}`,
    '',
    ...findings.flatMap((finding, i) => findingLines(finding, i + 1)),
    ...(findings.length === 0 ? ['Nothing stands out.'] : []),
    ...blind.map((what) => `Not looked at: ${what}`),
  ];
  return `${lines.map((line) => printable(line).replaceAll(/[\n\t]/g, ' ')).join('\n')}\n`;
}

function findingLines(finding: Ranked, place: number): string[] {
  const { summary, score, evidence, next, advice, followsFrom } = finding;
  const from = followsFrom === undefined ? '' : `; probably follows from ${followsFrom}`;
  return [
    `${place}. ${summary}  [${finding.cause}, ${sure(score)} ${score.toFixed(2)}${from}]`,
    ...evidence.map((line) => `     ${line}`),
    `   next  ${next}`,
    `         ${advice}`,
    '',
  ];
}

function sure(score: number): string {
  return score >= 0.8 ? 'likely' : score >= 0.5 ? 'possible' : 'perhaps';
}
