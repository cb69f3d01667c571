import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doctorText } from '../../../../cli/doctor/doctor-text.js';
import { rank } from '../../../../cli/doctor/rank.js';
import type { Signs, VersionSigns } from '../../../../cli/doctor/signs.js';
import type { ServerView } from '../../../../cli/scrape/view.js';

const VERSION: VersionSigns = {
  ...{ model: 'm', version: '2', state: 'available', requestsPerSec: 100, failedPerSec: 0, refusedPerSec: 0 },
  ...{
    rowsPerSec: 100,
    p50Ms: 5,
    p99Ms: 9,
    queueP99Ms: 1,
    runMs: 4,
    rowsPerRun: 2,
    runs: 250,
    queuedRows: 0,
  },
  ...{
    memoryBytes: 2 ** 20,
    bytesPerSec: 10_000,
    meanBytes: 100,
    p99Bytes: 900,
    ever: undefined,
    line: undefined,
  },
};

const VIEW: ServerView = {
  ...{ seconds: 5, release: '1', startedAt: 1, ready: true, callsInFlight: 1, queuedRows: 0 },
  saturation: { workers: 0.4, event_loop: 0.2, queue_rows: 0, queue_bytes: 0, calls: 0 },
  ...{ slots: { ready: 1, busy: 1 }, places: [], workersWanted: 2, workersLost: 0 },
  ...{ requestsPerSec: 100, failedPerSec: 0, refusedPerSec: {} },
  loopDelayMs: { p50: 0.1, p99: 2, max: 20 },
  ...{ residentBytes: 2 ** 28, limitBytes: 2 ** 30, throttledShare: 0, versions: [VERSION] },
};

/** A server that is well, but for this. */
function signs(view: Partial<ServerView> = {}, others: Partial<Signs> = {}): Signs {
  const whole = { ...VIEW, ...view };
  return {
    ...{
      origin: 'http://h:1',
      view: whole,
      seconds: 5,
      cores: 2,
      coresUsed: 0.5,
      heldBackPerSec: 0,
      versions: whole.versions as VersionSigns[],
    },
    ...{ spans: { exported: 0, lost: 0 }, spansEver: { exported: 0, lost: 0 } },
    ...{ restartsEver: 0, lostSlots: [], quarantined: 0, queuedBytes: 0, callers: undefined },
    ...others,
  };
}

const callers = (...list: [caller: string, calls: number, rows: number][]) => ({
  callers: {
    overMs: 15_000,
    callers: list.map(([caller, calls, rows]) => ({ caller, calls, rows, bytes: 0, refused: 0 })),
  },
});
const BUSY = {
  saturation: { ...VIEW.saturation, workers: 0.99 },
  refusedPerSec: { queue_full: 5 },
  queuedRows: 40,
};
const SLOW_LOOP = { loopDelayMs: { p50: 20, p99: 180, max: 400 } };
const line = (fixedMs: number, perRowMs: number) => ({ line: { fixedMs, perRowMs } });
const ever = (runs: number, runMs: number, rowsPerRun: number) => ({ ever: { runs, runMs, rowsPerRun } });
const version = (number: string, changes: Partial<VersionSigns>): VersionSigns => ({
  ...VERSION,
  version: number,
  ...changes,
});
const versions = (...list: VersionSigns[]) => ({ versions: list });
const idle = { runs: 0, runMs: undefined, rowsPerRun: undefined, requestsPerSec: 0 };

const ROWS: readonly [says: string, signs: Signs, causes: string][] = [
  ['a server that is well', signs(), ''],
  ['no traffic at all', signs({ requestsPerSec: 0, ...versions(version('2', idle)) }), ''],
  [
    'a first look after a restart: no rates',
    signs({ seconds: undefined, requestsPerSec: undefined, throttledShare: undefined }),
    '',
  ],
  ['held back now and then', signs({ throttledShare: 0.04 }), ''],
  [
    'held back: what is late follows from it',
    signs({ throttledShare: 0.5, ...SLOW_LOOP, ...BUSY }, { heldBackPerSec: 0.3 }),
    'cpu_throttled loop_stall<cpu_throttled overload<cpu_throttled',
  ],
  [
    'held back, and the loop is late for it, which alone would be the likelier cause',
    signs({ throttledShare: 0.07, ...SLOW_LOOP }),
    'cpu_throttled loop_stall<cpu_throttled',
  ],
  ['the loop alone', signs(SLOW_LOOP), 'loop_stall'],
  ['one long stall', signs({ loopDelayMs: { p50: 0, p99: 3, max: 1900 } }), 'loop_stall'],
  ['a busy machine is not a stall', signs({ loopDelayMs: { p50: 0, p99: 25, max: 120 } }), ''],
  ['memory at 84%', signs({ residentBytes: 0.84 * 2 ** 30 }), ''],
  ['memory at 90%', signs({ residentBytes: 0.9 * 2 ** 30 }), 'memory'],
  ['no limit known', signs({ limitBytes: 0 }), ''],
  ['a worker that is missing', signs({ slots: { ready: 1, cooling: 1 } }), 'workers_lost'],
  ['workers that ended and are back', signs({ workersLost: 3 }, { lostSlots: ['0'] }), 'workers_lost'],
  ['a worker that ended an hour ago', signs({}, { restartsEver: 5 }), ''],
  [
    'no worker: what follows',
    signs({ slots: { dead: 2 }, workersLost: 2, ready: false }),
    'workers_lost not_ready<workers_lost',
  ],
  ['a version in quarantine', signs({}, { quarantined: 1 }), 'workers_lost'],
  [
    'twice as slow as the version before, by the scheduler',
    signs(versions(version('1', { ...idle, ...line(1, 0.5) }), version('2', { runMs: 8 }))),
    'slow_version',
  ],
  [
    'twice as slow, by the means of its runs',
    signs(versions(version('1', { ...idle, ...ever(50, 4, 2) }), version('2', { runMs: 8 }))),
    'slow_version',
  ],
  [
    'longer runs of more rows are not slower',
    signs(
      versions(version('1', { ...idle, ...ever(50, 4, 2) }), version('2', { runMs: 20, rowsPerRun: 10 })),
    ),
    '',
  ],
  [
    'as fast as the one before',
    signs(versions(version('1', { ...idle, ...line(1, 1.5) }), version('2', {}))),
    '',
  ],
  [
    'twice as slow, by half a millisecond',
    signs(versions(version('1', { ...idle, ...line(0.5, 0) }), version('2', { runMs: 1 }))),
    '',
  ],
  [
    'another model that is faster is no measure',
    signs(versions(version('1', { model: 'other', ...line(0.1, 0) }), version('2', { runMs: 40 }))),
    '',
  ],
  [
    'two runs are no mean',
    signs(versions(version('1', { ...idle, ...ever(2, 1, 1) }), version('2', { runMs: 40 }))),
    '',
  ],
  [
    'slow, and so overloaded',
    signs({ ...BUSY, ...versions(version('1', { ...idle, ...line(1, 0.5) }), version('2', { runMs: 40 })) }),
    'slow_version overload<slow_version',
  ],
  [
    'one caller takes it all',
    signs(BUSY, callers(['job', 900, 900], ['shop', 50, 50])),
    'hot_caller overload<hot_caller',
  ],
  [
    'few calls of very many rows',
    signs(BUSY, callers(['job', 5, 5000], ['shop', 50, 50])),
    'hot_caller overload<hot_caller',
  ],
  ['one caller takes it all, and nobody minds', signs({}, callers(['job', 900, 900], ['shop', 50, 50])), ''],
  ['only one caller there is', signs(BUSY, callers(['job', 900, 900])), 'overload'],
  ['two that take half each', signs(BUSY, callers(['a', 500, 500], ['b', 480, 480])), 'overload'],
  [
    'refused by its own quota',
    signs({ refusedPerSec: { quota: 9 } }, callers(['job', 900, 100], ['shop', 50, 50])),
    'hot_caller',
  ],
  ['overload, callers not told apart', signs(BUSY), 'overload'],
  [
    'large requests that are refused for it',
    signs({
      refusedPerSec: { byte_budget: 3 },
      ...SLOW_LOOP,
      ...versions(version('2', { meanBytes: 5e6, bytesPerSec: 5e7 })),
    }),
    'big_payloads loop_stall<big_payloads',
  ],
  [
    'large requests and room for them',
    signs(versions(version('2', { meanBytes: 5e6, bytesPerSec: 5e7 }))),
    'big_payloads',
  ],
  ['one large request a minute', signs(versions(version('2', { meanBytes: 5e6, bytesPerSec: 8e4 }))), ''],
  [
    'spans are lost',
    signs({}, { spans: { exported: 0, lost: 40 }, spansEver: { exported: 900, lost: 40 } }),
    'collector_down',
  ],
  [
    'an export that hangs: none arrive, and some were lost',
    signs({}, { spansEver: { exported: 0, lost: 40 } }),
    'collector_down',
  ],
  [
    'spans were lost yesterday',
    signs({}, { spans: { exported: 50, lost: 0 }, spansEver: { exported: 50, lost: 900 } }),
    '',
  ],
  [
    'traces are lost and workers, too: requests come first',
    signs({ workersLost: 1 }, { spans: { exported: 0, lost: 4 } }),
    'workers_lost collector_down',
  ],
  [
    'a version that failed beside one that serves',
    signs(versions(version('2', {}), version('3', { ...idle, state: 'failed' }))),
    'broken_version',
  ],
  [
    'a model that has none: clients hear of it',
    signs({
      ready: false,
      ...versions(version('2', {}), version('1', { ...idle, model: 'x', state: 'failed' })),
    }),
    'broken_version not_ready<broken_version',
  ],
  [
    'deadlines that are too short',
    signs({ refusedPerSec: { too_short: 15, deadline_passed: 5 } }),
    'short_deadlines',
  ],
  ['a few that are', signs({ refusedPerSec: { too_short: 4 } }), ''],
  [
    'a version that is slow, and clients that did not expect it',
    signs({
      refusedPerSec: { deadline_passed: 60 },
      ...versions(version('1', { ...idle, ...line(1, 0.5) }), version('2', { runMs: 40 })),
    }),
    'slow_version short_deadlines<slow_version',
  ],
  [
    'the main thread has no time left, the workers have',
    signs({ saturation: { ...VIEW.saturation, event_loop: 0.97 }, refusedPerSec: { front_end: 50 } }),
    'overload',
  ],
  ['clients that send nonsense', signs({ refusedPerSec: { bad_request: 40 } }), 'bad_requests'],
  ['one that does now and then', signs({ refusedPerSec: { bad_request: 4 } }), ''],
];

for (const [says, given, causes] of ROWS)
  test(`ranked: ${says}`, () => {
    const found = rank(given).map(({ cause, followsFrom }) =>
      followsFrom ? `${cause}<${followsFrom}` : cause,
    );
    assert.equal(found.join(' '), causes);
  });

test('scores fall, are within 0 and 1, and everything found has evidence, a command and an advice', () => {
  for (const [says, given] of ROWS) {
    const found = rank(given);
    const scores = found.map(({ score }) => score);
    assert.deepEqual(
      scores,
      [...scores].sort((a, b) => b - a),
      says,
    );
    for (const { score, evidence, next, advice, summary } of found) {
      assert.ok(score > 0 && score < 1, `${says}: ${score}`);
      assert.ok(evidence.length > 0 && next !== '' && advice !== '' && summary !== '');
      assert.ok(
        !/NaN|undefined|Infinity/.test(JSON.stringify([evidence, summary, next])),
        JSON.stringify(evidence),
      );
    }
  }
});

test('in words: what, how sure, evidence, the next command; names from outside harm neither terminal nor shell', () => {
  const name = "a'b\x1b[2J";
  const slow = signs(
    versions(
      version('1', { model: name, ...idle, ...line(1, 0.5) }),
      version('2', { model: name, runMs: 8 }),
    ),
  );
  const diagnosis = {
    place: 'h:1',
    seconds: 5,
    view: slow.view,
    findings: rank(slow),
    blind: ['who calls (gone)'],
  };
  const text = doctorText(diagnosis);
  assert.match(
    text,
    /^sluice 1 at h:1, over 5\.0 s: 100 requests\/s, 0 failed\/s, ready\n\n1\. a'b\\x1b\[2J version 2 is slow: a run takes 4\.0 times as long as one of version 1 {2}\[slow_version, /,
  );
  assert.match(text, /\n {5}a run of 2\.0 rows takes 8\.0 ms; one of version 1 would take 2\.0 ms\n/);
  assert.match(text, /\n {3}next {2}sluice promote 'a'\\''b\\x1b\[2J' 1\n/);
  assert.match(text, /\nNot looked at: who calls \(gone\)\n$/);
  assert.ok(!text.includes('\x1b'));
  const well = signs();
  assert.match(
    doctorText({ ...diagnosis, view: well.view, findings: rank(well), blind: [] }),
    /\n\nNothing stands out\.\n$/,
  );
});
