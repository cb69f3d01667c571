/** More than the server can do. Models wait instead of computing, so that what they can do is known by arithmetic. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromBinary } from '@bufbuild/protobuf';
import type { LoadPlan } from '../../bench/contract.js';
import { runLoad } from '../../bench/run-load.js';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayError } from '../../gateway/core/error.js';
import type { GatewayDependencies } from '../../gateway/gateway.js';
import { RetryInfoSchema } from '../../gateway/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../gateway/gen/google/rpc/status_pb.js';
import { countedRuns } from '../support/counted-runs.js';
import { planFor } from '../support/load-plans.js';
import { frame, type RawAnswer, RawClient } from '../support/raw-grpc.js';
import { scrape } from '../support/scrape.js';
import type { RunningGateway } from '../support/use-gateway.js';
import { percent, stolenTime, utilization } from '../support/utilization.js';
import { inferDirectly, useWaiting, waitingRow, waitingTemplate } from '../support/waiting-server.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';

/** l(b) = 120 + 10b ms, 8 rows at most: so slow that a machine that has much else to do can carry the clients, too. */
const BATCH_MS = 120 + 10 * 8;
const CAPACITY_PER_S = (2 * 8 * 1000) / BATCH_MS;
const DEADLINE_MS = 5 * BATCH_MS;
const MEASURED_MS = 1700;
const TICK_MS = 5;

function serve(t: TestContext, dependencies: GatewayDependencies = {}): Promise<RunningGateway> {
  return useWaiting(t, { wait: { costMs: { fixed: 120, perRow: 10 }, maxBatchSize: 8 } }, {}, dependencies);
}

function overload(grpcPort: number, changes: Partial<LoadPlan> = {}): LoadPlan {
  return planFor(grpcPort, {
    templates: [waitingTemplate('wait')],
    arrivals: { kind: 'poisson', ratePerS: 3 * CAPACITY_PER_S },
    durationMs: 2700,
    deadlineMs: DEADLINE_MS,
    streamsPerConnection: 4000,
    // The machine is shared with the server.
    tickMs: TICK_MS,
    ...changes,
  });
}

/** The time that RetryInfo names, in milliseconds; undefined when the answer has none. */
function retryInfoMs({ trailers, headers }: RawAnswer): number | undefined {
  const packed = trailers['grpc-status-details-bin'] ?? headers['grpc-status-details-bin'];
  if (packed === undefined) return undefined;
  const { details } = fromBinary(StatusSchema, Buffer.from(String(packed), 'base64'));
  const retryInfo = details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.RetryInfo'));
  if (retryInfo === undefined) return undefined;
  const { retryDelay } = fromBinary(RetryInfoSchema, retryInfo.value);
  return retryDelay && Number(retryDelay.seconds) * 1000 + retryDelay.nanos / 1e6;
}

test('F91 three times of what the server can do: refused are UNAVAILABLE with push-back and RetryInfo within 5 ms, goodput stays at 0.9 of it', async (t) => {
  const { openChannel, runs } = countedRuns();
  const running = await serve(t, { openChannel });
  const { gateway, grpcPort } = running;
  const raw = new RawClient(grpcPort);
  t.after(() => raw.close());
  const load = runLoad(overload(grpcPort));

  while (gateway.batcher.stats().queuedRows < 24) await sleep(5);
  await sleep(300);
  const since = systemClock.now();
  const stolen = stolenTime();
  // Beside the load: refusals as a client sees them, and how long the server itself takes for one.
  const answers: RawAnswer[] = [];
  const refusals: { reason: string; afterMs: number }[] = [];
  let probes = 0;
  while (systemClock.now() - since < MEASURED_MS) {
    const startedAt = systemClock.now();
    void inferDirectly(gateway, 'wait', { deadlineMs: DEADLINE_MS }).catch((error: GatewayError) =>
      refusals.push({ reason: error.details.reason ?? '', afterMs: systemClock.now() - startedAt }),
    );
    if (probes++ % 4 === 0)
      void raw
        .call(INFER, frame(waitingRow('wait')), { 'grpc-timeout': `${DEADLINE_MS}m` })
        .then((answer) => answers.push(answer));
    await sleep(15);
  }
  const busy = utilization(runs, { maxRows: 8, sinceMs: since, untilMs: systemClock.now() });
  const stolenShare = stolen();
  const { counts, void: why } = await load;
  const ok = await scrape(running, 'sluice_requests_total{model="wait",version="1",code="OK"}');
  const inTime = ok / runs.reduce((sum, { rows }) => sum + rows, 0);
  const found = busy * inTime;

  const atTheDoor = refusals.filter(({ reason }) => reason === 'backlog');
  const fast = atTheDoor.filter(({ afterMs }) => afterMs < 5).length / atTheDoor.length;
  t.diagnostic(
    `goodput ${percent(found)}: workers ${percent(busy)} used, ${percent(inTime)} of the rows in time; the machine took ${percent(stolenShare)} of the time; of ${probes} probes ${refusals.length} were refused, ${atTheDoor.length} at once, ${percent(fast)} of those within 5 ms; ${JSON.stringify(counts)} ${why ?? ''}`,
  );
  assert.ok(found >= 0.9 - stolenShare, `goodput is ${percent(found)} of what the workers can do`);
  assert.ok(refusals.length >= 15, `${refusals.length} were refused`);
  // The others were let in, since they could have been in time, and given up when that was no longer so.
  assert.ok(
    atTheDoor.length >= 0.6 * refusals.length,
    `only ${atTheDoor.length} of ${refusals.length} at once`,
  );
  assert.ok(fast >= 0.9, `${percent(fast)} of the refusals at once took less than 5 ms`);
  const refused = answers.filter(({ status }) => status === 14);
  assert.ok(refused.length >= 5, `${refused.length} refused`);
  // On a busy machine one may be late after all.
  const others = answers.filter(({ status }) => status !== 0 && status !== 14);
  assert.ok(others.length <= 0.1 * answers.length, `${others.length} of ${answers.length} fail otherwise`);
  for (const answer of refused) {
    const pushBackMs = Number(
      answer.trailers['grpc-retry-pushback-ms'] ?? answer.headers['grpc-retry-pushback-ms'],
    );
    assert.ok(pushBackMs > 0, `push-back of ${pushBackMs} ms`);
    assert.equal(retryInfoMs(answer), pushBackMs);
  }
});
