import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallerUse, CallRecord } from '../../../gateway/core/call-record.js';
import { GatewayError, KEPT_BACK, type StatusCode } from '../../../gateway/core/error.js';
import type { InferCall, InferResult } from '../../../gateway/core/infer-call.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import { OTHER, type Recorder } from '../../../gateway/core/recorder.js';
import { Admission } from '../../../gateway/serving/admit.js';
import { Observer } from '../../../gateway/serving/observe.js';
import { resolve } from '../../../gateway/serving/resolve.js';
import { secretInputs } from '../../../gateway/serving/secret-inputs.js';
import { FakeClock } from '../../support/fake-clock.js';
import { deafRecorder } from '../../support/recorded-run.js';
import { call, countedLease, manifest, result } from './make-call.js';

/** A next layer that answers when told to. */
function held() {
  const waiting: { resolve(value: InferResult): void; reject(error: Error): void }[] = [];
  const infer = () =>
    new Promise<InferResult>((resolve, reject) => {
      waiting.push({ resolve, reject });
    });
  return { infer, waiting };
}

test('resolve leases what the call names, and releases it once whatever happens behind it', async () => {
  const lease = countedLease();
  const asked: string[] = [];
  const catalog = {
    lease(model: string, version: string) {
      asked.push(`${model}:${version}`);
      return lease;
    },
  };
  const { infer, waiting } = held();
  const first = resolve(catalog, infer)(call({ version: '2' }));
  assert.equal(lease.released, 0, 'held while the call runs');
  waiting[0]?.resolve(result());
  await first;
  assert.equal(lease.released, 1);
  const second = resolve(catalog, infer)(call());
  waiting[1]?.reject(new Error('broken'));
  await assert.rejects(second, /broken/);
  assert.equal(lease.released, 2);
  assert.deepEqual(asked, ['iris:2', 'iris:']);
});

test('resolve rejects, and does not throw, when there is nothing to lease', async () => {
  const layer = resolve(
    {
      lease() {
        throw new GatewayError('NOT_FOUND', 'none');
      },
    },
    async () => result(),
  );
  await assert.rejects(layer(call()), { code: 'NOT_FOUND' });
});

test('admission takes its bound of calls, refuses the next with a time to come back, and takes more after', async () => {
  const admission = new Admission({ maxCallsInFlight: 2, retryAfterMs: 7 });
  const { infer, waiting } = held();
  const layer = admission.admit(infer);
  const calls = [layer(call(), countedLease()), layer(call(), countedLease())];
  await assert.rejects(layer(call(), countedLease()), (error: GatewayError) => {
    assert.equal(error.code, 'UNAVAILABLE');
    assert.deepEqual(error.details, { reason: 'queue_full', retryAfterMs: 7 });
    return true;
  });
  assert.equal(admission.inFlight, 2);
  waiting[0]?.reject(new Error('a failed call frees its place, too'));
  await assert.rejects(calls[0] as Promise<InferResult>);
  const third = layer(call(), countedLease());
  waiting[1]?.resolve(result());
  waiting[2]?.resolve(result());
  await Promise.all([calls[1], third]);
  assert.equal(admission.inFlight, 0);
});

test('a next layer that throws instead of rejecting leaves no call counted', async () => {
  const admission = new Admission();
  const infer = admission.admit(() => {
    throw new Error('a bug');
  });
  await assert.rejects(infer(call(), countedLease()), /a bug/);
  assert.equal(admission.inFlight, 0);
  await admission.drain();
});

test('a draining admission refuses new calls, and waits for those in flight', async () => {
  const admission = new Admission();
  const { infer, waiting } = held();
  const layer = admission.admit(infer);
  const inFlight = layer(call(), countedLease());
  let drained = false;
  const drain = admission.drain().then(() => {
    drained = true;
  });
  await assert.rejects(layer(call(), countedLease()), (error: GatewayError) => {
    assert.equal(error.code, 'UNAVAILABLE');
    assert.equal(error.details.reason, 'draining');
    return true;
  });
  assert.equal(drained, false);
  waiting[0]?.resolve(result());
  await Promise.all([inFlight, drain]);
  await new Admission().drain();
});

function observed(changes: { secret?: (call: InferCall) => boolean } = {}) {
  const clock = new FakeClock(1000);
  const requests: [string, number, StatusCode | 'OK', number][] = [];
  const refusals: string[] = [];
  const logs: [string, Record<string, unknown>][] = [];
  const recorder: Recorder = {
    ...deafRecorder,
    request: (model, version, code, totalMs) => void requests.push([model, version, code, totalMs]),
    refused: (model, version, reason) => void refusals.push(`${model} ${version} ${reason}`),
  };
  const logger = {
    ...silentLogger,
    debug: (fields: object) => void logs.push(['debug', { ...fields }]),
    error: (fields: object) => void logs.push(['error', { ...fields }]),
  };
  const noted: CallRecord[] = [];
  const uses: CallerUse[] = [];
  const observer = new Observer({
    ...{ clock, recorder, logger, known: (model) => model === 'iris', ...changes },
    notes: { note: (record) => void noted.push(record), used: (use) => void uses.push(use) },
    slowMs: 100,
  });
  return { clock, requests, refusals, logs, noted, uses, observer };
}

test('a call that is answered is recorded once, with its version and the time since it arrived', async () => {
  const { clock, requests, refusals, uses, observer } = observed();
  const layer = observer.observe(async () => {
    clock.advance(5);
    return result();
  });
  await layer(call({ arrivedAt: 990 }));
  assert.deepEqual(requests, [['iris', 2, 'OK', 15]]);
  assert.deepEqual([refusals, uses], [[], []]);
  await layer(call({ arrivedAt: 990, caller: 'shop', messageBytes: 99 }));
  assert.deepEqual(uses, [{ caller: 'shop', rows: 1, bytes: 99, refused: false, endedAt: 1010 }]);
});

test('a failure behind resolve is recorded and noted with the version, one before it with none', async () => {
  const { requests, refusals, noted, uses, observer } = observed();
  const full = new GatewayError('UNAVAILABLE', 'full', { reason: 'queue_full' });
  const leased = observer.leased(async () => {
    throw full;
  });
  const lease = countedLease(manifest({}, 'iris', 7));
  await assert.rejects(
    observer.observe((c) => leased(c, lease))(call({ arrivedAt: 1000, caller: 'job' })),
    full,
  );
  const unknown = new GatewayError('NOT_FOUND', 'none', { reason: 'unknown_model' });
  const failing = observer.observe(async () => {
    throw unknown;
  });
  await assert.rejects(failing(call({ arrivedAt: 1000, model: 'made-up', id: 'a' })), unknown);
  assert.deepEqual(requests, [
    ['iris', 7, 'UNAVAILABLE', 0],
    [OTHER, 0, 'NOT_FOUND', 0],
  ]);
  assert.deepEqual(refusals, ['iris 7 queue_full', `${OTHER} 0 unknown_model`]);
  assert.deepEqual(uses, [{ caller: 'job', rows: 0, bytes: 0, refused: true, endedAt: 1000 }]);
  assert.deepEqual(
    noted.map(({ fate, model, version, requestId, message }) => [fate, model, version, requestId, message]),
    [
      ['refused', 'iris', 7, call().id, 'full'],
      ['failed', 'made-up', 0, 'a', 'none'],
    ],
  );
});

test('a call that takes long is noted with where its time went, one that is quick or cancelled is not', async () => {
  const { clock, noted, observer } = observed();
  const after = (ms: number) =>
    observer.observe(async () => {
      clock.advance(ms);
      return result();
    })(call({ arrivedAt: clock.now(), id: `took ${ms}` }));
  await after(99);
  await after(100);
  const gone = observer.observe(async () => {
    throw new GatewayError('CANCELLED', 'gone', { reason: 'cancelled' });
  });
  await assert.rejects(gone(call()));
  const { timing } = result();
  assert.equal(noted.length, 1);
  assert.deepEqual(
    [noted[0]?.fate, noted[0]?.requestId, noted[0]?.totalMs, noted[0]?.queueMs, noted[0]?.batchRows],
    ['slow', 'took 100', 100, timing.queueMs, timing.batchRows],
  );
});

test('what may quote an input that is secret is kept from notes and spans, not from the client', async () => {
  const { noted, observer } = observed({ secret: secretInputs(['X']) as (call: InferCall) => boolean });
  const quoting = new GatewayError('INVALID_ARGUMENT', 'index 4711 is out of range', {
    reason: 'model_error',
  });
  const ours = new GatewayError('UNAVAILABLE', 'the queue is full', { reason: 'queue_full' });
  for (const error of [quoting, ours])
    await assert.rejects(
      observer.observe(async () => {
        throw error;
      })(call()),
      { message: error.message },
    );
  assert.deepEqual(
    noted.map(({ message }) => message),
    [KEPT_BACK, 'the queue is full'],
  );
  assert.deepEqual([quoting.details.secret, ours.details.secret], [true, undefined]);
  assert.equal(secretInputs([]), undefined);
  assert.equal(secretInputs(['Y'])?.(call()), false);
  assert.equal(secretInputs(['*'])?.(call()), true);
});

test('D75 anything thrown becomes INTERNAL without its text, and its cause is logged as an error', async () => {
  const { requests, logs, observer } = observed();
  const secret = new TypeError('secret');
  const layer = observer.observe(async () => {
    throw secret;
  });
  await assert.rejects(layer(call({ arrivedAt: 1000 })), { code: 'INTERNAL', message: 'internal error' });
  assert.deepEqual(requests, [['iris', 0, 'INTERNAL', 0]]);
  assert.equal(logs[0]?.[0], 'error');
  assert.equal(logs[0]?.[1]['err'], secret);
});
