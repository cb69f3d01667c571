import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pacer, type PacerClock } from '../../../../bench/load/pacer.js';

/** A machine whose alarms come `lateMs` late and whose loop takes `turnMs` a turn. */
class FakeLoop implements PacerClock {
  nowMs = 0;
  timersSet = 0;
  looks = 0;
  #next: { atMs: number; fn: () => void } | undefined;
  readonly lateMs: number;
  readonly turnMs: number;

  constructor(lateMs = 0.07, turnMs = 0.01) {
    this.lateMs = lateMs;
    this.turnMs = turnMs;
  }

  now(): number {
    return this.nowMs;
  }

  after(ms: number, fn: () => void): () => void {
    this.timersSet++;
    return this.#wait(this.nowMs + ms + this.lateMs, fn);
  }

  soon(fn: () => void): () => void {
    this.looks++;
    return this.#wait(this.nowMs + this.turnMs, fn);
  }

  get waiting(): boolean {
    return this.#next !== undefined;
  }

  turn(): boolean {
    const next = this.#next;
    if (next === undefined) return false;
    this.#next = undefined;
    this.nowMs = Math.max(this.nowMs, next.atMs);
    next.fn();
    return true;
  }

  #wait(atMs: number, fn: () => void): () => void {
    this.#next = { atMs, fn };
    return () => {
      this.#next = undefined;
    };
  }
}

function pace(
  atMs: readonly number[],
  loop = new FakeLoop(),
  onDue = (_: number): void => {},
  tickMs: number | undefined = undefined,
) {
  const started: { intendedMs: number; atMs: number }[] = [];
  let steps = 0;
  let ended = 0;
  let at = 0;
  const pacer = new Pacer({
    next: () => atMs[at++] ?? Number.POSITIVE_INFINITY,
    onDue: (intendedMs) => {
      started.push({ intendedMs, atMs: loop.nowMs });
      onDue(intendedMs);
    },
    onStepDone: () => void steps++,
    onEnd: () => void ended++,
    activity: () => 0,
    clock: loop,
    tickMs,
  });
  return { pacer, loop, started, steps: () => steps, ended: () => ended };
}

test('starts calls at their instants, to a turn of the loop, though alarms are late', () => {
  const wanted = [0, 0.5, 3, 10, 10.2, 250, 251];
  const { pacer, loop, started, ended } = pace(wanted);
  pacer.start();
  while (loop.turn());
  assert.deepEqual(
    started.map(({ intendedMs }) => intendedMs),
    wanted,
  );
  for (const { intendedMs, atMs } of started)
    assert.ok(atMs >= intendedMs && atMs <= intendedMs + 0.011, `${atMs} for ${intendedMs}`);
  assert.equal(ended(), 1);
});

test('sleeps through long gaps and asks again and again only for the last tenth of a millisecond', () => {
  const { pacer, loop } = pace([0, 1000]);
  pacer.start();
  while (loop.turn());
  assert.equal(loop.timersSet, 1);
  assert.ok(loop.looks <= 0.1 / 0.01 + 1, `${loop.looks} looks`);
});

test('with a tick it never asks again and again: what is due within one starts together, late by one at most', () => {
  const wanted = [0, 0.1, 0.2, 0.3, 5, 5.05];
  const { pacer, loop, started, steps } = pace(wanted, new FakeLoop(), undefined, 0.5);
  pacer.start();
  while (loop.turn());
  assert.equal(loop.looks, 0);
  assert.deepEqual(
    started.map(({ intendedMs }) => intendedMs),
    wanted,
  );
  for (const { intendedMs, atMs } of started)
    assert.ok(
      atMs >= intendedMs && atMs <= intendedMs + 0.5 + loop.lateMs + 1e-9,
      `${atMs} for ${intendedMs}`,
    );
  assert.equal(steps(), 3);
});

test('after a stall everything that was missed is started at once, with its intended start', () => {
  const { pacer, loop, started, steps } = pace([0, 1, 2, 3, 50]);
  pacer.start();
  loop.nowMs = 20;
  loop.turn();
  assert.deepEqual(
    started.map(({ intendedMs, atMs }) => [intendedMs, atMs]),
    [
      [0, 0],
      [1, 20],
      [2, 20],
      [3, 20],
    ],
  );
  assert.equal(steps(), 2, 'written in one go');
});

test('after a long stall answers get a turn between portions of calls', () => {
  const { pacer, loop, started } = pace(Array.from({ length: 2000 }, (_, i) => i / 100));
  loop.nowMs = 100;
  pacer.start();
  assert.equal(started.length, 512);
  while (loop.turn());
  assert.equal(started.length, 2000);
});

test('idle time is what went by with nothing to do, not a pause in which the process did not run', () => {
  const { pacer, loop } = pace([0, 0.09, 0.18]);
  pacer.start();
  while (pacer.idleMs < 0.05 && loop.turn());
  assert.ok(pacer.idleMs >= 0.05);
  const before = pacer.idleMs;
  loop.nowMs += 0.3;
  loop.turn();
  assert.equal(pacer.idleMs, before);
});

test('time in which something was read is not idle', () => {
  let reads = 0;
  const loop = new FakeLoop();
  const at = [0, 0.09];
  const pacer = new Pacer({
    next: () => at.shift() ?? Number.POSITIVE_INFINITY,
    onDue: () => {},
    onStepDone: () => {},
    onEnd: () => {},
    activity: () => reads++,
    clock: loop,
  });
  pacer.start();
  while (loop.turn());
  assert.equal(pacer.idleMs, 0);
});

test('a pacer that is stopped starts nothing more, even from within a start', () => {
  const outside = pace([0, 1, 2]);
  outside.pacer.start();
  outside.pacer.stop();
  assert.equal(outside.loop.waiting, false);
  assert.equal(outside.ended(), 0);
  const within = pace([0, 0, 0], new FakeLoop(), () => within.pacer.stop());
  within.pacer.start();
  assert.equal(within.started.length, 1);
  assert.equal(within.loop.waiting, false);
});

test('no calls at all is an end', () => {
  const { pacer, ended } = pace([]);
  pacer.start();
  assert.equal(ended(), 1);
});
