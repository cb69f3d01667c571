import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import type { RpcContext, StreamHandler, UnaryHandler } from '../../../gateway/core/transport.js';
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from '../../../gateway/gen/grpc/health/v1/health_pb.js';
import { HealthService, type HealthServiceOptions } from '../../../gateway/grpc/health.js';
import { MessageQueue } from '../../../gateway/grpc/message-queue.js';
import { FakeCatalog } from '../../support/fake-catalog.js';
import { messageBytes } from '../../support/message-bytes.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp(options: Partial<HealthServiceOptions> = {}) {
  const catalog = new FakeCatalog();
  const health = new HealthService({ catalog, serverReady: () => true, ...options });
  const watch = health.methods().find(({ path }) => path.endsWith('/Watch'))?.handler as StreamHandler;
  /** Watches a name with a client that takes a message only when `take` is called. */
  const open = (service: string) => {
    const sent: Status[] = [];
    const cancellation = new Cancellation();
    const closing = new Cancellation();
    let take: () => void = () => {};
    const messages = new MessageQueue(() => {});
    messages.push(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service })));
    messages.end();
    const done = watch(
      {
        messages,
        closing,
        send: (message) => {
          sent.push(fromBinary(HealthCheckResponseSchema, message).status);
          return new Promise((resolve) => {
            take = resolve;
          });
        },
      },
      { cancellation } as Partial<RpcContext> as RpcContext,
    );
    return { sent, cancellation, closing, done, take: () => take() };
  };
  return { catalog, health, open };
}

test('G99 a slow watcher is told the latest status only, and costs one message however often it changes', async () => {
  const { catalog, open } = setUp();
  catalog.set('m', 1, 'available');
  const slow = open('sluice.model/m');
  await settle();
  for (let i = 0; i < 1001; i++) catalog.set('m', 1, i % 2 === 0 ? 'unloaded' : 'available');
  await settle();
  assert.deepEqual(slow.sent, [Status.SERVING]);
  slow.take();
  await settle();
  assert.deepEqual(slow.sent, [Status.SERVING, Status.NOT_SERVING]);
  // Changes that cancel each other out are not told at all.
  catalog.set('m', 1, 'available');
  catalog.set('m', 1, 'unloaded');
  slow.take();
  await settle();
  assert.equal(slow.sent.length, 2);
  slow.cancellation.cancel();
  await slow.done;
});

test('watches over the limit are refused with push-back, and a place that was left is taken again', async () => {
  const { open } = setUp({ maxWatchers: 1 });
  const first = open('');
  first.take();
  await settle();
  await assert.rejects(open('').done, { code: 'UNAVAILABLE', details: { retryAfterMs: 10_000 } });
  first.cancellation.cancel();
  first.take();
  await first.done;
  const second = open('');
  await settle();
  assert.deepEqual(second.sent, [Status.SERVING]);
  second.take();
  second.cancellation.cancel();
  await second.done;
});

test('G101 closing says NOT_SERVING once and ends the watch', async () => {
  const { open } = setUp();
  const watch = open('');
  await settle();
  watch.take();
  await settle();
  watch.closing.cancel();
  await settle();
  assert.deepEqual(watch.sent, [Status.SERVING, Status.NOT_SERVING]);
  watch.take();
  await watch.done;
});

test('List asks for the list of models once, however many there are and none of them ready', async () => {
  const { catalog, health } = setUp();
  for (let i = 0; i < 100; i++) catalog.set(`m${i}`, 1, 'failed');
  let asked = 0;
  const { list } = catalog;
  catalog.list = () => {
    asked++;
    return list.call(catalog);
  };
  const method = health.methods().find(({ path }) => path.endsWith('/List'));
  assert.ok(method);
  const answer = await (method.handler as UnaryHandler)(new Uint8Array(0), {} as RpcContext);
  const { statuses } = fromBinary(HealthListResponseSchema, messageBytes(answer));
  assert.equal(statuses['sluice.model/m99']?.status, Status.NOT_SERVING);
  assert.equal(Object.keys(statuses).length, 103);
  assert.equal(asked, 1);
});
