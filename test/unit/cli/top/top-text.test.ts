import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Terminal } from '../../../../cli/io.js';
import { parsePage } from '../../../../cli/scrape/page.js';
import { viewOf } from '../../../../cli/scrape/view.js';
import type { Frame } from '../../../../cli/top/frame.js';
import { jsonScreen, terminalScreen } from '../../../../cli/top/screens.js';
import { topText } from '../../../../cli/top/top-text.js';

function page(models: number, requests: number) {
  const names = Array.from({ length: models }, (_, i) => `m${i}`);
  return parsePage(
    [
      'sluice_process_start_time_seconds 1000',
      'sluice_build_info{version="1.0.0"} 1',
      'sluice_slots{state="ready"} 1',
      'sluice_slots{state="cooling"} 1',
      'sluice_workers_wanted 2',
      ...Array.from(
        { length: 20 },
        (_, i) => `sluice_slot_busy_seconds_total{crew="",slot="${i}"} ${requests > 0 ? 0.5 + i : i}`,
      ),
      'sluice_slot_restarts_total{crew="",slot="1"} 4',
      `sluice_workers_lost_total{slot="0"} ${requests > 0 ? 3 : 0}`,
      ...names.map(
        (name, i) => `sluice_requests_total{model="${name}",version="1",code="OK"} ${requests * i}`,
      ),
      `sluice_requests_refused_total{model="m0",version="1",reason="queue_full"} ${requests}`,
    ].join('\n'),
  );
}

function frame(models: number, problem?: Frame['problem']): Frame {
  const view = viewOf(page(models, 0), page(models, 10), 1);
  return { at: 1_000_000, view, problem, restarted: false };
}

test('what it shows: rates, refusals by reason, workers by state and those that ended, a line a version', () => {
  const lines = topText(frame(3), 'host:8000', { columns: 200, rows: 40 });
  const text = lines.join('\n');
  assert.match(
    lines[0] ?? '',
    /^sluice 1\.0\.0 at host:8000, NOT READY, since 1970-01-01T00:16:40Z {2}00:16:40Z$/,
  );
  assert.match(text, /\nrequests {2}30\.0\/s, failed 0\/s/);
  assert.match(text, /\nrefused {3}queue_full 10\.0\/s\n/);
  assert.match(text, /\nworkers {3}1 of 2 in rotation \(ready 1, cooling 1\), 3 ENDED\n/);
  assert.match(text, /\nslots {5}busy 0 50%, 1 50% \(restarts 4\), .*15 50%, and 4 more\n/);
  assert.match(text, /\nm2 +1 +- +20\.0 +0 .*\nm1 +1 +- +10\.0 .*\nm0 /);
});

test('no more lines and columns than there are, whatever the number of models; what is left out is said', () => {
  for (const [columns, rows] of [
    [80, 24],
    [40, 12],
    [20, 5],
    [1, 1],
  ] as const) {
    const lines = topText(frame(500), 'host:8000', { columns, rows });
    assert.ok(lines.length <= rows && lines.every((line) => line.length <= columns), `${columns} x ${rows}`);
  }
  const lines = topText(frame(500), 'host:8000', { columns: 80, rows: 24 });
  assert.equal(lines.length, 24);
  const versions = lines.filter((line) => /^m\d/.test(line)).length;
  assert.equal(lines.at(-1), `… and ${500 - versions} more, less busy`);
});

test('a server that does not answer: since when and why, above what was; control characters of its names are harmless', () => {
  const problem = { message: 'connect ECONNREFUSED\x1b[2J\n127.0.0.1', code: 'UNAVAILABLE', forMs: 12_400 };
  const lines = topText(frame(1, problem), 'host:8000', { columns: 200, rows: 40 });
  assert.equal(lines[1], 'NO ANSWER for 12 s: connect ECONNREFUSED\\x1b[2J 127.0.0.1; below is what was');
  assert.ok(lines.some((line) => line.startsWith('m0')));
  const never = topText({ ...frame(1, problem), view: undefined }, 'h', { columns: 200, rows: 40 });
  assert.equal(never.length, 2);
});

test('on a terminal: the other screen, a frame in one write within its size, and back', () => {
  const writes: string[] = [];
  const terminal: Terminal = { size: () => ({ columns: 60, rows: 10 }), onKey: () => () => {} };
  const screen = terminalScreen({ out: (text) => void writes.push(text) }, terminal, 'host:8000');
  screen.show(frame(50));
  screen.close();
  assert.equal(writes.length, 3);
  const [open, drawn, closed] = writes as [string, string, string];
  assert.deepEqual([open, closed], ['\x1b[?1049h\x1b[?25l', '\x1b[?25h\x1b[?1049l']);
  assert.ok(drawn.startsWith('\x1b[Hsluice 1.0.0') && drawn.endsWith('\x1b[Jq to leave'));
  assert.equal(drawn.split('\n').length, 10);
});

test('as JSON: a line a frame, its view or why there is none', () => {
  const lines: string[] = [];
  const screen = jsonScreen({ out: (text) => void lines.push(text) });
  screen.show(frame(2));
  screen.show(frame(2, { message: 'gone', code: 'UNAVAILABLE', forMs: 5 }));
  const [view, error] = lines.map((line) => JSON.parse(line));
  assert.deepEqual([view.at, view.requestsPerSec, view.versions.length], ['1970-01-01T00:16:40.000Z', 10, 2]);
  assert.deepEqual(error.error, { message: 'gone', code: 'UNAVAILABLE', forMs: 5 });
  assert.ok(lines.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1));
});
