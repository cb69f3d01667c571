import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError, EXIT } from '../../../../cli/exit-code.js';
import { type Page, parsePage } from '../../../../cli/scrape/page.js';
import type { Frame } from '../../../../cli/top/frame.js';
import { watch } from '../../../../cli/top/watch.js';

/** A script of what each look comes to: requests so far, a restart, nobody there, or a bug. */
type Step = number | 'gone' | undefined | { readonly started: number; readonly requests: number };

interface Played {
  readonly frames: readonly Frame[];
  readonly code: number;
  readonly looks: number;
}

async function play(
  steps: readonly Step[],
  options: { count?: number; eager?: boolean } = {},
): Promise<Played> {
  const frames: Frame[] = [];
  const stop = new AbortController();
  let now = 0;
  let looks = 0;
  const code = await watch({
    look: async (): Promise<Page> => {
      const step = steps[looks++];
      if (looks >= steps.length) stop.abort();
      now += 50;
      if (step === undefined) throw new Error('a bug');
      if (step === 'gone') throw new CliError(EXIT.unreachable, 'UNAVAILABLE', 'connect ECONNREFUSED');
      const { started, requests } = typeof step === 'number' ? { started: 1, requests: step } : step;
      return parsePage(
        `sluice_process_start_time_seconds ${started}\nsluice_requests_total{model="a",version="1",code="OK"} ${requests}`,
      );
    },
    screen: { eager: options.eager ?? true, show: (frame) => void frames.push(frame), close: () => {} },
    ...{ intervalMs: 1000, count: options.count, stop: stop.signal },
    ...{ now: () => now, wallMs: () => 1_000_000 + now },
    sleep: async (ms) => {
      now += ms;
    },
  });
  return { frames, code, looks };
}

const rates = ({ frames }: Played) => frames.map(({ view }) => view?.requestsPerSec);

test('looks at the same distance, however long each takes; ends with 0 when it is told to', async () => {
  const played = await play([10, 30, 60]);
  assert.deepEqual(rates(played), [undefined, 20, 30]);
  assert.deepEqual(
    played.frames.map(({ at }) => at),
    [1_000_050, 1_001_050, 1_002_050],
  );
  assert.equal(played.code, 0);
});

test('a server that goes: its last view stays, with for how long nobody answers; when it is back, anew', async () => {
  const { frames } = await play([
    10,
    30,
    'gone',
    'gone',
    { started: 2, requests: 5 },
    { started: 2, requests: 9 },
  ]);
  assert.deepEqual(
    frames.map(({ view, problem, restarted }) => [view?.requestsPerSec, problem?.forMs, restarted]),
    [
      [undefined, undefined, false],
      [20, undefined, false],
      [20, 0, false],
      [20, 1000, false],
      [undefined, undefined, true],
      [4, undefined, false],
    ],
  );
});

test('a server that is away for a look without a restart: rates are of all the time since', async () => {
  assert.deepEqual(rates(await play([10, 'gone', 50])), [undefined, undefined, 20]);
});

test('so many views: each with rates, or of nobody there, which the exit code tells', async () => {
  const one = await play([10, 30, 99], { count: 1, eager: false });
  assert.deepEqual([rates(one), one.code, one.looks], [[20], 0, 2]);
  const none = await play(['gone', 'gone', 'gone'], { count: 2, eager: false });
  assert.deepEqual([none.frames.length, none.code, none.looks], [2, 69, 2]);
  const back = await play(['gone', 10, 30, 0], { count: 2, eager: false });
  assert.deepEqual([back.frames.length, back.code], [2, 0]);
});

test('a server that is started anew before each look: one view without rates, not none for ever', async () => {
  const steps = [1, 2, 3, 4, 5].map((started) => ({ started, requests: 1 }));
  const { frames, looks } = await play(steps, { count: 1, eager: false });
  assert.deepEqual([frames.length, looks, frames[0]?.view?.seconds], [1, 3, undefined]);
});

test('what is no trouble of the server is thrown', async () => {
  await assert.rejects(play([10, undefined, 20]), /a bug/);
});
