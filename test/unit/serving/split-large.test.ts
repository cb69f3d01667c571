import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import { GatewayError } from '../../../gateway/core/error.js';
import type { InferCall, InferResult, LeasedInfer } from '../../../gateway/core/infer-call.js';
import { splitLarge } from '../../../gateway/serving/split-large.js';
import { call, countedLease, manifest, result, tensor } from './make-call.js';

const rowsOf = ({ inputs }: InferCall): number => inputs[0]?.shape[0] as number;

const large = (rows: number, over: Partial<InferCall> = {}): InferCall =>
  call({
    inputs: [
      tensor('X', [rows, 4], {
        data: new Uint8Array(Float32Array.from({ length: rows * 4 }, (_, i) => i).buffer),
      }),
    ],
    splits: true,
    ...over,
  });

/** What is behind: answers each piece with its own input when it is told to. */
class Behind {
  readonly calls: InferCall[] = [];
  readonly #settle: ((outcome: InferResult | GatewayError) => void)[] = [];

  readonly infer: LeasedInfer = (given) => {
    this.calls.push(given);
    return new Promise((resolve, reject) => {
      this.#settle.push((outcome) => (outcome instanceof GatewayError ? reject(outcome) : resolve(outcome)));
      given.cancellation.listen(() => reject(new GatewayError('CANCELLED', 'gone')));
    });
  };

  answer(index: number, over: Partial<InferResult> = {}): Promise<void> {
    const given = this.calls[index] as InferCall;
    const timing = { queueMs: index, computeMs: 2, batchRows: rowsOf(given), rows: rowsOf(given) };
    this.#settle[index]?.(
      result({ outputs: given.inputs.map((input) => ({ ...input, name: 'Y' })), timing, ...over }),
    );
    return turn();
  }

  fail(index: number, error: GatewayError): Promise<void> {
    this.#settle[index]?.(error);
    return turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what fits, does not say that it splits, or has no rows to be split by goes on as it is', async () => {
  for (const [given, model] of [
    [large(8), manifest()],
    [large(9, { splits: false }), manifest()],
    [large(9), manifest({ batchable: false, maxBatchSize: 0 })],
    [call({ inputs: [tensor('X', [9, 4], { data: new Uint8Array(3) })], splits: true }), manifest()],
    [call({ inputs: [], splits: true }), manifest()],
  ] as const) {
    const behind = new Behind();
    void splitLarge(behind.infer)(given, countedLease(model)).catch(() => {});
    assert.equal(behind.calls[0], given);
    assert.equal(behind.calls.length, 1);
  }
});

test('pieces of the largest size, four at once, on one lease; their answers in order, whichever comes first', async () => {
  const behind = new Behind();
  let released = 0;
  const release = () => {
    released++;
  };
  const given = large(42, { messageBytes: 600 });
  const answered = splitLarge(behind.infer)(given, countedLease());
  assert.deepEqual(behind.calls.map(rowsOf), [8, 8, 8, 8]);
  assert.deepEqual(
    behind.calls.map(({ messageBytes }) => messageBytes),
    [100, 100, 100, 100],
  );
  await behind.answer(3, { release });
  assert.equal(behind.calls.length, 5);
  await behind.answer(0, { release });
  for (const index of [5, 4, 2, 1]) await behind.answer(index, { release });
  const { outputs, timing, release: none } = await answered;
  assert.deepEqual(behind.calls.map(rowsOf), [8, 8, 8, 8, 8, 2]);
  assert.deepEqual(outputs[0]?.shape, [42, 4]);
  assert.deepEqual([...(outputs[0]?.data ?? [])], [...(given.inputs[0]?.data ?? [])]);
  assert.deepEqual(timing, { queueMs: 0, computeMs: 12, batchRows: 8, rows: 42 });
  assert.deepEqual([released, none], [6, undefined]);
});

test('the first piece that fails fails the call; the others are cancelled and none is begun', async () => {
  const behind = new Behind();
  const answered = splitLarge(behind.infer)(large(100), countedLease());
  const refused = assert.rejects(answered, { code: 'UNAVAILABLE' });
  await behind.fail(2, new GatewayError('UNAVAILABLE', 'full'));
  await refused;
  assert.equal(behind.calls.length, 4);
  assert.deepEqual(
    behind.calls.map(({ cancellation }) => cancellation.cancelled),
    [true, true, true, true],
  );
});

test('a caller that leaves takes all of it with it, even between two pieces', async () => {
  for (const answeredFirst of [false, true]) {
    const behind = new Behind();
    const cancellation = new Cancellation();
    const answered = splitLarge(behind.infer)(large(33, { cancellation }), countedLease());
    const refused = assert.rejects(answered, { code: 'CANCELLED' });
    if (answeredFirst) for (const index of [0, 1, 2, 3]) void behind.answer(index);
    cancellation.cancel();
    await refused;
    assert.equal(behind.calls.length, 4);
  }
});

test('answers that do not fit each other are refused with what to do', async () => {
  const behind = new Behind();
  const answered = splitLarge(behind.infer)(large(16), countedLease());
  const refused = assert.rejects(answered, /different shapes: send at most 8 rows at once to model 'iris'/);
  await behind.answer(0, { outputs: [tensor('Y', [8, 2])] });
  await behind.answer(1, { outputs: [tensor('Y', [8, 3])] });
  await refused;
});
