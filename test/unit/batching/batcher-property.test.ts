import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BY_DEADLINE, FIFO, type SchedulerSwitches } from '../../../gateway/batching/batcher-options.js';
import type { Batch } from '../../../gateway/core/batch.js';
import type { RunCommand } from '../../../gateway/core/channel.js';
import { GatewayError } from '../../../gateway/core/error.js';
import type { Manifest } from '../../../gateway/core/manifest.js';
import { echo, flush, manifestOf, NOTHING_LEFT, type Pending, Rig, rejected, values } from './rig.js';

/** An expiry is seen at most two ticks of the wheel late: one to the tick of the deadline, one for the timer's phase. */
const LATE_MS = 10;
const MAX_ROWS = 6;
const VERSIONS = [
  manifestOf({ maxBatchSize: MAX_ROWS }),
  manifestOf({ maxBatchSize: MAX_ROWS, version: 2 }),
  manifestOf({ batchable: false, maxBatchSize: 0, version: 3 }),
];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      rows: fc.constantFrom(1, 1, 1, 2, 3, MAX_ROWS, 0),
      // Mostly alike, or no two would ever share a batch.
      width: fc.constantFrom(1, 1, 1, 2),
      version: fc.constantFrom(0, 0, 0, 0, 1, 2),
      inMs: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
      poisoned: fc.integer({ min: 0, max: 9 }).map((n) => n === 9),
      outputs: fc.constantFrom([], ['Y'], ['Z', 'Y']),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('take' as const), start: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('start' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('finish' as const),
      pick: fc.nat(),
      how: fc.constantFrom('answer', 'answer', 'answer twice', 'fault', 'give up'),
    }),
  },
);

interface Expected {
  readonly pending: Pending;
  readonly id: number;
  readonly rows: number[][];
  readonly manifest: Manifest;
  readonly outputs: readonly string[];
  readonly deadline: number;
  readonly poisoned: boolean;
  cancelled: boolean;
  /** Its batch was given up while it waited in it. */
  givenUp: boolean;
}

interface Run {
  readonly batch: Batch;
  /** Undefined until gathered. */
  command: RunCommand | undefined;
  members: readonly Expected[];
}

/** The batcher under test, a model of its callers, and workers that do what the steps say. */
/** Reasons of refusals by what is only predicted. */
const PREDICTED = new Set(['too_short', 'backlog', 'early_drop']);

class World {
  readonly rig: Rig;
  readonly predicts: boolean;
  readonly all: Expected[] = [];
  readonly runs: Run[] = [];

  constructor(scheduler: SchedulerSwitches) {
    this.rig = new Rig({ maxQueueRows: 1e6, scheduler });
    this.predicts = scheduler.admission || scheduler.earlyDrop;
  }

  submit(s: {
    rows: number;
    width: number;
    version: number;
    inMs: number | undefined;
    poisoned: boolean;
    outputs: readonly string[];
  }): void {
    const id = this.all.length + 1;
    // Every value names its request; a poisoned one is negative. The fraction tells the rows apart.
    const rows = Array.from({ length: s.rows }, (_, row) =>
      Array.from({ length: s.width }, (_, column) => (s.poisoned ? -1 : 1) * (id + row / 8 + column / 64)),
    );
    const manifest = VERSIONS[s.version] as Manifest;
    const deadline = s.inMs === undefined ? Number.POSITIVE_INFINITY : this.rig.clock.now() + s.inMs;
    const { inMs, width, outputs } = s;
    const pending = this.rig.submit({
      rows,
      width,
      manifest,
      outputs,
      ...(inMs === undefined ? {} : { inMs }),
    });
    const poisoned = s.poisoned && s.rows > 0;
    this.all.push({
      pending,
      id,
      rows,
      manifest,
      outputs,
      deadline,
      poisoned,
      cancelled: false,
      givenUp: false,
    });
  }

  cancel(pick: number): void {
    // One of the latest: the earlier ones have mostly been answered.
    const each = this.all.at(-1 - (pick % 6));
    if (each === undefined) return;
    if (each.pending.state === 'pending') each.cancelled = true;
    each.pending.cancellation.cancel();
  }

  take(): boolean {
    const batch = this.rig.batcher.take();
    if (batch === undefined) return false;
    this.runs.push({ batch, command: undefined, members: [] });
    return true;
  }

  /** Starts the first batch that was taken and not yet run. */
  startOne(): void {
    this.start(this.runs.find((run) => run.command === undefined));
  }

  /** Gathers, for the first attempt or the next, and checks what would be run. */
  start(run: Run | undefined): void {
    if (run === undefined) return;
    run.command = run.batch.gather();
    if (run.command === undefined) {
      this.runs.splice(this.runs.indexOf(run), 1);
      return;
    }
    const input = run.command.inputs[0];
    assert.ok(input);
    const ids = new Set(values(input).map((x) => Math.floor(Math.abs(x))));
    run.members = [...ids].map((id) => this.all[id - 1] as Expected);
    const now = this.rig.clock.now();
    let rows = 0;
    for (const each of run.members) {
      assert.equal(`echo/${each.manifest.version}`, run.command.key, 'one version');
      assert.equal(each.rows[0]?.length, input.shape[1], 'one per-row shape');
      assert.ok(!each.cancelled, 'nothing runs after its cancel');
      assert.ok(each.deadline > now, 'nothing runs after its deadline');
      assert.equal(each.pending.state, 'pending', 'nothing runs after its answer');
      rows += each.rows.length;
    }
    assert.equal(input.shape[0], rows);
    assert.ok(rows <= MAX_ROWS);
    if (run.command.key === 'echo/3') assert.ok(run.members.length <= 1, 'alone');
  }

  finish(pick: number, how: string): void {
    const started = this.runs.filter((run) => run.command !== undefined);
    const run = started[pick % Math.max(1, started.length)];
    if (run?.command === undefined) return;
    if (how === 'fault') {
      echo(run.command); // The buffers are gone with the worker.
      run.batch.attempts++;
      this.start(run);
      return;
    }
    this.runs.splice(this.runs.indexOf(run), 1);
    if (how === 'give up') {
      // Without rows a request leaves no trace in the command: all that pend may have been in it.
      for (const each of this.all)
        if (run.members.includes(each) || each.rows.length === 0) each.givenUp = true;
      run.batch.fail(new GatewayError('UNAVAILABLE', 'gave up', { reason: 'no_worker' }));
      return;
    }
    const poisoned = values(run.command.inputs[0]).some((x) => x < 0);
    run.batch.complete(poisoned ? rejected() : echo(run.command));
    if (how === 'answer twice') run.batch.complete(rejected('twice'));
  }

  /** What must hold after every step, promises having had their say. */
  check(): void {
    const now = this.rig.clock.now();
    let pending = 0;
    for (const each of this.all) {
      const { state } = each.pending;
      if (state === 'pending') {
        pending++;
        assert.ok(!each.cancelled, 'a cancel is answered at once');
        assert.ok(now < each.deadline + LATE_MS, 'a deadline is answered at most two ticks late');
      } else {
        this.#checkAnswer(each, state);
      }
    }
    const stats = this.rig.batcher.stats();
    assert.equal(stats.entries, pending);
    const bytes = this.all
      .filter((each) => each.pending.state === 'pending')
      .flatMap((each) => each.rows.flat());
    assert.equal(stats.bytes, 4 * bytes.length);
    assert.ok(stats.runningEntries <= pending && stats.queuedRows >= 0);
  }

  #checkAnswer(each: Expected, state: string): void {
    if (PREDICTED.has(each.pending.error?.details.reason ?? '')) {
      assert.ok(this.predicts, 'nobody is refused by what is only predicted where that is switched off');
      assert.ok(each.deadline < Number.POSITIVE_INFINITY, 'nor where there is no deadline');
    } else if (state === 'OK') {
      assert.ok(!each.poisoned && !each.cancelled);
      const wanted = each.outputs.length === 0 ? ['Y', 'Z'] : each.outputs;
      const outputs = each.pending.result?.outputs ?? [];
      assert.deepEqual(
        outputs.map((output) => [output.name, values(output)]),
        wanted.map((name) => [name, each.rows.flat().map((x) => (name === 'Z' ? 2 * x : x))]),
        'computed from its own input',
      );
      assert.equal(each.pending.result?.version, each.manifest.version);
    } else if (state === 'CANCELLED') {
      assert.ok(each.cancelled);
    } else if (state === 'DEADLINE_EXCEEDED') {
      assert.ok(this.rig.clock.now() >= each.deadline, 'never before its deadline');
    } else if (state === 'UNAVAILABLE') {
      assert.ok(each.givenUp);
    } else {
      assert.equal(state, 'INVALID_ARGUMENT');
      assert.ok(each.poisoned, 'only the guilty entry fails');
    }
  }

  /** Workers run on until nothing is left. */
  async windUp(): Promise<void> {
    for (let round = 0; ; round++) {
      assert.ok(round < 10_000, 'it ends');
      while (this.take());
      for (const run of [...this.runs]) this.start(run);
      if (this.runs.length === 0) break;
      while (this.runs.length > 0) this.finish(0, 'answer');
    }
    await flush();
    this.check();
    for (const each of this.all) assert.notEqual(each.pending.state, 'pending', 'every entry settles');
    assert.deepEqual(this.rig.leftovers(), NOTHING_LEFT);
  }
}

for (const [name, scheduler] of [
  ['by deadlines as they pass', { ...BY_DEADLINE, earlyDrop: false, admission: false, batchChoice: false }],
  ['by deadlines as predicted', BY_DEADLINE],
  ['first come, first served', FIFO],
] as const)
  test(`whatever happens, every entry settles exactly once, with the answer to its own input: ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 120, size: 'max' }), async (steps) => {
        const world = new World(scheduler);
        for (const each of steps) {
          if (each.kind === 'submit') world.submit(each);
          else if (each.kind === 'cancel') world.cancel(each.pick);
          else if (each.kind === 'advance') world.rig.clock.advance(each.ms);
          else if (each.kind === 'take' && !each.start) world.take();
          else if (each.kind === 'finish') world.finish(each.pick, each.how);
          else if (each.kind === 'start' || world.take()) world.startOne();
          await flush();
          world.check();
        }
        await world.windUp();
      }),
      { numRuns: 300 },
    );
  });
