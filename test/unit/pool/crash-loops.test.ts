import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashLoops } from '../../../gateway/pool/crash-loops.js';
import type { SlotState } from '../../../gateway/pool/slot-state.js';
import { relieve } from '../../../gateway/pool/standby.js';
import { FakeClock } from '../../support/fake-clock.js';

function setUp(workers = 2) {
  const clock = new FakeClock();
  const loops = new CrashLoops(clock, () => workers);
  const crash = (times: number, everyMs = 0): boolean[] =>
    Array.from({ length: times }, () => {
      clock.advance(everyMs);
      return loops.crashed('m/1');
    });
  return { clock, loops, crash };
}

test('D71 five crashes within 30 s without a success are a quarantine; slower ones, or with successes between, are not', () => {
  const { clock, loops, crash } = setUp();
  assert.deepEqual(crash(5, 100), [false, false, false, false, true]);
  assert.deepEqual(loops.quarantine('m/1'), { crashes: 5, until: clock.now() + 10_000 });
  assert.equal(loops.quarantine('m/2'), undefined);

  const slow = setUp();
  assert.deepEqual(new Set(slow.crash(30, 7600)), new Set([false]), 'four in any 30 s');

  const killed = setUp();
  for (let i = 0; i < 150; i++) {
    assert.equal(killed.loops.crashed('m/1'), false, 'killed from outside every 200 ms');
    killed.clock.advance(200);
    assert.equal(killed.loops.succeeded('m/1'), false);
  }
});

test('D71 every worker may end twice: what ends all of them at once is no loop', () => {
  const { crash } = setUp(4);
  assert.deepEqual(crash(9), [...Array<boolean>(8).fill(false), true]);
});

test('D71 after the pause one worker tries it: a success ends the quarantine, a crash doubles the pause, up to its bound', () => {
  const { clock, loops, crash } = setUp();
  crash(5);
  const pauses: number[] = [];
  for (let round = 0; round < 8; round++) {
    clock.advance(400_000);
    const worker = {};
    loops.begin('m/1', worker);
    assert.equal(loops.trialOf('m/1'), worker);
    assert.equal(loops.quarantine('m/1'), undefined, 'it may be run');
    assert.equal(loops.crashed('m/1'), true);
    pauses.push((loops.quarantine('m/1')?.until ?? 0) - clock.now());
  }
  assert.deepEqual(pauses, [20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000, 300_000]);
  assert.equal(loops.succeeded('m/1'), false, 'a run that had begun before proves nothing');
  loops.begin('m/1', {});
  assert.equal(loops.succeeded('m/1'), true);
  assert.deepEqual(loops.quarantined, []);
  assert.deepEqual(crash(4), [false, false, false, false], 'counting begins anew');
});

test('a trial whose worker is gone is no trial; a version that is forgotten leaves nothing', () => {
  const { loops, crash } = setUp();
  crash(5);
  loops.begin('m/1', {});
  loops.giveUp('m/1');
  assert.equal(loops.trialOf('m/1'), undefined);
  assert.notEqual(loops.quarantine('m/1'), undefined);
  loops.forget('m/1');
  assert.equal(loops.quarantine('m/1'), undefined);
  loops.begin('m/1', {});
  assert.equal(loops.trialOf('m/1'), undefined);
});

test('relieve: a spare that is warm takes the place of a slot that fails, and only of such a one', () => {
  const slot = (state: SlotState, standby = false, restarts = 0) => ({ state, standby, restarts });
  const after = (...slots: ReturnType<typeof slot>[]) => {
    relieve(slots);
    return slots.map(({ standby }) => (standby ? 'spare' : 'in')).join();
  };
  assert.equal(after(slot('busy'), slot('ready', true)), 'in,spare');
  assert.equal(after(slot('starting'), slot('ready', true)), 'in,spare', 'at first it is given time');
  for (const state of ['suspect', 'dead', 'cooling'] as const)
    assert.equal(after(slot('busy'), slot(state), slot('ready', true)), 'in,spare,in', state);
  assert.equal(after(slot('warming', false, 1), slot('ready', true)), 'spare,in');
  assert.equal(after(slot('dead'), slot('warming', true)), 'in,spare', 'it is not warm yet');
  assert.equal(after(slot('dead'), slot('dead'), slot('ready', true)), 'spare,in,in', 'one for one');
});
