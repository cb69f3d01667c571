import type { Cause, Finding, Rule } from './finding.js';
import { badRequests } from './rules/bad-requests.js';
import { bigPayloads } from './rules/big-payloads.js';
import { brokenVersion } from './rules/broken-version.js';
import { collectorDown } from './rules/collector-down.js';
import { cpuThrottled } from './rules/cpu-throttled.js';
import { hotCaller } from './rules/hot-caller.js';
import { loopStall } from './rules/loop-stall.js';
import { memory } from './rules/memory.js';
import { notReady } from './rules/not-ready.js';
import { overload } from './rules/overload.js';
import { shortDeadlines } from './rules/short-deadlines.js';
import { slowVersion } from './rules/slow-version.js';
import { workersLost } from './rules/workers-lost.js';
import type { Signs } from './signs.js';

const RULES: readonly Rule[] = [
  cpuThrottled,
  memory,
  workersLost,
  slowVersion,
  hotCaller,
  bigPayloads,
  loopStall,
  collectorDown,
  overload,
  brokenVersion,
  badRequests,
  shortDeadlines,
  notReady,
];

/** What each cause brings about, so that what follows from it is not taken for another one. */
const BRINGS: Readonly<Partial<Record<Cause, readonly Cause[]>>> = {
  cpu_throttled: ['loop_stall', 'overload', 'short_deadlines'],
  big_payloads: ['loop_stall', 'overload'],
  slow_version: ['overload', 'short_deadlines'],
  hot_caller: ['overload', 'loop_stall'],
  workers_lost: ['overload', 'not_ready', 'loop_stall'],
  broken_version: ['not_ready', 'bad_requests'],
  loop_stall: ['overload', 'short_deadlines'],
};

/** A cause that explains others is one from here on. */
const EXPLAINS = 0.6;
/** What follows from another cause keeps this much of its score. */
const FOLLOWS = 0.5;
/** What is less likely is not worth the time of whoever is up at three. */
const MIN_SCORE = 0.25;

/** A finding with its place among the others. */
export interface Ranked extends Finding {
  /** The cause that probably brought it about. */
  readonly followsFrom: Cause | undefined;
}

/** All that speaks for itself in these signs, the likeliest cause first; pure. */
export function rank(signs: Signs): readonly Ranked[] {
  const findings = RULES.flatMap((rule) => rule(signs) ?? []).sort((a, b) => b.score - a.score);
  return findings
    .map((finding): Ranked => {
      const from = findings.find(
        ({ cause, score }) => score >= EXPLAINS && BRINGS[cause]?.includes(finding.cause),
      );
      const score = from === undefined ? finding.score : finding.score * FOLLOWS;
      return { ...finding, score: Math.round(score * 100) / 100, followsFrom: from?.cause };
    })
    .filter(({ score }) => score >= MIN_SCORE)
    .sort((a, b) => b.score - a.score);
}
