/**
 * Scenarios of Triton's qa/L0_batcher and qa/L0_model_queue over the wire, on a real server with real workers: `dynamic_batching` from a
 * config.pbtxt, and the batches that ran as ModelStatistics counts them. All of the scenarios are in test/unit/batching.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ask, inferenceClient, type Plain } from '../support/grpc-services.js';
import { identityModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Sent {
  readonly rows: number;
  readonly priority?: number;
  /** Microseconds. */
  readonly timeout?: number;
}

/** A server with one model `m`: an identity, or one that waits for `perRow` milliseconds a row. */
async function serve(t: TestContext, config: string, { perRow = 0, workers = 1 } = {}) {
  const model: [string, Buffer] =
    perRow === 0
      ? ['m/1/model.onnx', Buffer.from(identityModel('FP32', ['N', 4]))]
      : ['m/1/model.wait.json', Buffer.from(JSON.stringify({ costMs: { fixed: 1, perRow } }))];
  const repository = makeRepository(t, {
    'm/config.pbtxt': Buffer.from(config),
    ...Object.fromEntries([model]),
  });
  const { gateway, grpcPort, httpPort } = await useGateway(t, {
    modelRepository: [repository],
    workers: { count: workers, enableWaitingRuntime: perRow > 0 },
  });
  const client = inferenceClient(grpcPort);
  t.after(() => client.close());
  const infer = async ({ rows, priority, timeout }: Sent, value: number): Promise<string> => {
    const request = {
      model_name: 'm',
      inputs: [
        {
          name: 'X',
          datatype: 'FP32',
          shape: [rows, 4],
          contents: { fp32_contents: Array(rows * 4).fill(value) },
        },
      ],
      parameters: {
        ...(priority === undefined ? {} : { priority: { uint64_param: String(priority) } }),
        ...(timeout === undefined ? {} : { timeout: { int64_param: String(timeout) } }),
      },
    };
    try {
      const answer = await ask(client, 'ModelInfer', request);
      const [bytes] = answer['raw_output_contents'] as Buffer[];
      const got = new Float32Array(new Uint8Array(bytes ?? []).buffer);
      return got.length === rows * 4 && got.every((x) => x === value) ? 'OK' : `wrong rows: ${got}`;
    } catch (error) {
      const { code, details } = error as { code: number; details: string };
      return `${code} ${details.split(':')[0]}`;
    }
  };
  /** Sends requests one after the other, each when the one before it waits or has failed; nothing runs until `release`. */
  const hold = async (sent: readonly Sent[]) => {
    gateway.batcher.hold();
    const left: number[] = [];
    const answers: Promise<string>[] = [];
    for (const [index, each] of sent.entries()) {
      const answer = infer(each, index).finally(() => left.push(index));
      answers.push(answer);
      while (gateway.batcher.stats().entries + left.length < answers.length) await turn();
    }
    const release = async (): Promise<string[]> => {
      gateway.batcher.release();
      return Promise.all(answers);
    };
    return { left, release };
  };
  /** Rows of a batch -> how often. */
  const counts = async (): Promise<Record<string, number>> => {
    const [stats] = (await ask(client, 'ModelStatistics', { name: 'm' }))['model_stats'] as Plain[];
    const batches = stats?.['batch_stats'] as Plain[];
    return Object.fromEntries(
      batches.map(({ batch_size, compute_infer }) => [batch_size, Number((compute_infer as Plain)['count'])]),
    );
  };
  /** Why batches were closed -> how often. */
  const closed = async (): Promise<Record<string, number>> => {
    const page = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
    const found = page.matchAll(
      /^sluice_batches_closed_total\{model="m",version="1",reason="(\w+)"\} (\d+)$/gm,
    );
    return Object.fromEntries([...found].map(([, reason, times]) => [reason as string, Number(times)]));
  };
  return { gateway, hold, counts, closed };
}

const one = (times: number): Sent[] => Array(times).fill({ rows: 1 });
const OK = (times: number): string[] => Array(times).fill('OK');

interface Case {
  readonly shows: string;
  readonly config: string;
  readonly sent: readonly Sent[];
  readonly counts: Readonly<Record<number, number>>;
  readonly closed: Readonly<Record<string, number>>;
  /** By the number of the request; the others are answered. */
  readonly refused?: Readonly<Record<number, string>>;
}

const CASES: Case[] = [
  {
    shows: 'multi_batch_use_biggest_preferred: six rows are one batch, though the delay has hardly begun',
    config: 'preferred_batch_size: [ 2, 6 ] max_queue_delay_microseconds: 10000000',
    sent: one(6),
    counts: { 6: 1 },
    closed: { preferred: 1 },
  },
  {
    shows: 'multi_batch_delayed_sum_gt_max_preferred: the second waits for its delay',
    config: 'preferred_batch_size: [ 2, 6 ] max_queue_delay_microseconds: 1000000',
    sent: [{ rows: 3 }, { rows: 4 }],
    counts: { 3: 1, 4: 1 },
    closed: { preferred: 1, delay: 1 },
  },
  {
    shows: 'preferred_batch_only_use_biggest_preferred: what is left over runs next',
    config: 'preferred_batch_size: [ 4, 6 ]',
    sent: one(7),
    counts: { 1: 1, 6: 1 },
    closed: { preferred: 1, idle: 1 },
  },
  {
    shows: 'max_queue_delay_only_non_default: what comes within the delay is one batch',
    config: 'max_queue_delay_microseconds: 300000',
    sent: one(7),
    counts: { 7: 1 },
    closed: { delay: 1 },
  },
  {
    shows: 'max_queue_size: two of ten find no room',
    config: 'preferred_batch_size: [ 4, 8 ] default_queue_policy { max_queue_size: 8 }',
    sent: one(10),
    counts: { 8: 1 },
    closed: { preferred: 1 },
    refused: { 8: '14 Exceeds maximum queue size', 9: '14 Exceeds maximum queue size' },
  },
  {
    shows: 'priority_levels: the more urgent and the first of the others are one batch',
    config:
      'preferred_batch_size: [ 4 ] max_queue_delay_microseconds: 300000 priority_levels: 2 default_priority_level: 2',
    sent: [{ rows: 2 }, { rows: 1 }, { rows: 2, priority: 1 }],
    counts: { 1: 1, 4: 1 },
    closed: { preferred: 1, delay: 1 },
  },
];

for (const { shows, config, ...of } of CASES)
  test(`over the wire, ${shows}`, async (t) => {
    const { hold, counts, closed } = await serve(t, `max_batch_size: 8 dynamic_batching { ${config} }`);
    const { release } = await hold(of.sent);
    assert.deepEqual(
      await release(),
      of.sent.map((_, index) => of.refused?.[index] ?? 'OK'),
    );
    assert.deepEqual(await counts(), of.counts);
    assert.deepEqual(await closed(), of.closed);
  });

test('over the wire, policy_reject and timeout_override: who has waited for long enough is refused, the others are one batch', async (t) => {
  const policy =
    'default_queue_policy { default_timeout_microseconds: 60000000 allow_timeout_override: true }';
  const config = `preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 60000000 ${policy}`;
  const { hold, counts } = await serve(t, `max_batch_size: 8 dynamic_batching { ${config} }`);
  const { left, release } = await hold([{ rows: 1, timeout: 100_000 }, { rows: 2 }, { rows: 2 }]);
  while (left.length === 0) await turn();
  assert.deepEqual(await release(), ['14 Request timeout expired', 'OK', 'OK']);
  assert.deepEqual(await counts(), { 4: 1 });
});

test('over the wire, a timeout of a request is a deadline where no policy makes it its time in the queue', async (t) => {
  const { hold, counts } = await serve(t, 'max_batch_size: 8');
  const { left, release } = await hold([{ rows: 1, timeout: 100_000 }, { rows: 2 }]);
  while (left.length === 0) await turn();
  assert.deepEqual(await release(), ['4 deadline exceeded', 'OK']);
  assert.deepEqual(await counts(), { 2: 1 });
});

for (const ordered of [false, true])
  test(`over the wire, multi_batch_preserve_ordering: of two workers the second ends first, its answer ${ordered ? 'waits' : 'does not wait'}`, async (t) => {
    const config = `max_batch_size: 6 dynamic_batching { preserve_ordering: ${ordered} }`;
    const { hold, counts } = await serve(t, config, { perRow: 50, workers: 2 });
    const { left, release } = await hold([{ rows: 6 }, { rows: 1 }]);
    assert.deepEqual(await release(), OK(2));
    assert.deepEqual(left, ordered ? [0, 1] : [1, 0]);
    assert.deepEqual(await counts(), { 1: 1, 6: 1 });
  });
