import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError, type StatusCode } from '../../../gateway/core/error.js';
import type { InferResult } from '../../../gateway/core/infer-call.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import { OTHER, type Recorder } from '../../../gateway/core/recorder.js';
import { Admission } from '../../../gateway/serving/admit.js';
import { Observer } from '../../../gateway/serving/observe.js';
import { resolve } from '../../../gateway/serving/resolve.js';
import { FakeClock } from '../../support/fake-clock.js';
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

function observed() {
  const clock = new FakeClock(1000);
  const requests: [string, number, StatusCode | 'OK', number][] = [];
  const refusals: string[] = [];
  const logs: [string, Record<string, unknown>][] = [];
  const recorder: Recorder = {
    request: (model, version, code, totalMs) => void requests.push([model, version, code, totalMs]),
    refused: (model, reason) => void refusals.push(`${model} ${reason}`),
    batch() {},
    workerLost() {},
    dropped() {},
  };
  const logger = {
    ...silentLogger,
    debug: (fields: object) => void logs.push(['debug', { ...fields }]),
    error: (fields: object) => void logs.push(['error', { ...fields }]),
  };
  const observer = new Observer({ clock, recorder, logger, known: (model) => model === 'iris' });
  return { clock, requests, refusals, logs, observer };
}

test('a call that is answered is recorded once, with its version and the time since it arrived', async () => {
  const { clock, requests, refusals, observer } = observed();
  const layer = observer.observe(async () => {
    clock.advance(5);
    return result();
  });
  await layer(call({ arrivedAt: 990 }));
  assert.deepEqual(requests, [['iris', 2, 'OK', 15]]);
  assert.deepEqual(refusals, []);
});

test('a failure behind resolve is recorded with the version, one before it with none', async () => {
  const { requests, refusals, logs, observer } = observed();
  const full = new GatewayError('UNAVAILABLE', 'full', { reason: 'queue_full' });
  const leased = observer.leased(async () => {
    throw full;
  });
  const lease = countedLease(manifest({}, 'iris', 7));
  await assert.rejects(observer.observe((c) => leased(c, lease))(call({ arrivedAt: 1000 })), full);
  const unknown = new GatewayError('NOT_FOUND', 'none', { reason: 'unknown_model' });
  const failing = observer.observe(async () => {
    throw unknown;
  });
  await assert.rejects(failing(call({ arrivedAt: 1000, model: 'made-up', id: 'a\nb' })), unknown);
  assert.deepEqual(requests, [
    ['iris', 7, 'UNAVAILABLE', 0],
    [OTHER, 0, 'NOT_FOUND', 0],
  ]);
  assert.deepEqual(refusals, ['iris queue_full', `${OTHER} unknown_model`]);
  assert.deepEqual(
    logs.map(([level]) => level),
    ['debug', 'debug'],
  );
  assert.equal(logs[1]?.[1]['requestId'], 'a\\x0ab');
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
