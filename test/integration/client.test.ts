import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import {
  type ClientOptions,
  createClient,
  type SluiceClient,
  SluiceClientError,
} from '../../client/client.js';
import {
  type FakeInferRequest,
  type FakeModel,
  type FakeServer,
  FakeStatus,
  fakeIris,
  startFakeServer,
} from '../support/fake-oip-server.js';

interface Setup {
  readonly server: FakeServer;
  readonly client: SluiceClient;
}

/** A test body with a server and a client of its own, which are closed when it ends. */
function served(body: (setup: Setup) => Promise<void>, options: ClientOptions = {}): () => Promise<void> {
  return async () => {
    const server = await startFakeServer();
    const client = createClient({ address: server.address, ...options });
    try {
      await body({ server, client });
    } finally {
      client.close();
      server.close();
    }
  };
}

function failing(fail: (attempt: number) => FakeStatus | undefined): FakeModel {
  let attempt = 0;
  return {
    ...fakeIris,
    infer(request) {
      const error = fail(++attempt);
      if (error !== undefined) throw error;
      return fakeIris.infer(request);
    },
  };
}

function rejection(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SluiceClientError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

const ROW = [[5.1, 3.5, 1.4, 0.2]];

test(
  'a prediction says who answered and survives JSON',
  served(async ({ client }) => {
    const iris = client.model<{ label: number[]; probabilities: number[][] }>('iris');
    const result = await iris.predict({ X: [...ROW, ...ROW] }, { deadlineMs: 5000, requestId: 'r1' });
    assert.equal(result.outputs.label.data[1], 1);
    assert.deepEqual(JSON.parse(JSON.stringify({ ...result, outputs: { label: result.outputs.label } })), {
      model: 'iris',
      version: '2',
      id: 'r1',
      outputs: { label: { datatype: 'INT64', shape: [2], data: [0, 1] } },
    });
    assert.deepEqual(result.outputs.probabilities.shape, [2, 3]);
  }),
);

test(
  'what is sent: raw contents, datatypes from the metadata, outputs, parameters, headers, a deadline',
  served(async ({ server, client }) => {
    let seen: FakeInferRequest | undefined;
    const infer = (request: FakeInferRequest) => {
      seen = request;
      return { outputs: [] };
    };
    const inputs = [
      { name: 'a', datatype: 'INT64', shape: [-1] },
      { name: 's', datatype: 'BYTES', shape: [-1] },
    ];
    server.models.set('both', { inputs, outputs: [], infer });
    const parameters = { priority: 2, note: 'x', big: 2n ** 63n, half: 0.5, yes: true };
    await client
      .model('both', { version: 7 })
      .predict({ a: [1, 2], s: ['é'] }, { outputs: ['o'], parameters, headers: { 'x-team': 'blue' } });
    assert.ok(seen);
    assert.equal(seen.model_version, '7');
    assert.deepEqual(
      seen.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      [
        { name: 'a', datatype: 'INT64', shape: ['2'] },
        { name: 's', datatype: 'BYTES', shape: ['1'] },
      ],
    );
    assert.deepEqual(
      seen.raw_input_contents.map((bytes) => bytes.length),
      [16, 6],
    );
    assert.deepEqual(
      seen.outputs.map(({ name }) => name),
      ['o'],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(seen.parameters)), {
      priority: { int64_param: '2' },
      note: { string_param: 'x' },
      big: { uint64_param: '9223372036854775808' },
      half: { double_param: 0.5 },
      yes: { bool_param: true },
    });
    assert.equal(server.lastHeaders['x-team'], 'blue');
  }),
);

test(
  'metadata is asked for once, however many predictions begin together',
  served(async ({ server, client }) => {
    const iris = client.model('iris');
    await Promise.all(Array.from({ length: 5 }, () => iris.predict({ X: ROW })));
    await iris.predict({ X: ROW });
    assert.equal(server.calls.filter((call) => call === 'ModelMetadata').length, 1);
    assert.equal(server.calls.filter((call) => call === 'ModelInfer').length, 6);
  }),
);

test(
  'metadata that was asked for at start spares the first prediction that call',
  served(async ({ server, client }) => {
    const iris = client.model('iris');
    assert.equal((await iris.metadata()).name, 'iris');
    await iris.predict({ X: ROW });
    assert.deepEqual(server.calls, ['ModelMetadata', 'ModelInfer']);
    await client.modelMetadata('iris', { version: 1 });
    await client.model('iris', { version: '1' }).predict({ X: ROW });
    assert.deepEqual(server.calls.slice(2), ['ModelMetadata', 'ModelInfer']);
  }),
);

test(
  'inputs that bring their datatypes need no metadata',
  served(async ({ server, client }) => {
    const data = Float32Array.from(ROW.flat());
    await client.model('iris').predict({ X: { shape: [1, 4], data, datatype: 'FP32' } });
    assert.deepEqual(server.calls, ['ModelInfer']);
  }),
);

test(
  'typed contents of another server are read like raw ones',
  served(async ({ server, client }) => {
    const outputs = [
      { name: 'f', datatype: 'FP32', shape: [2], contents: { fp32_contents: [0.5, Number.NaN] } },
      { name: 'i', datatype: 'INT64', shape: [1], contents: { int64_contents: ['9007199254740993'] } },
      { name: 's', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [Buffer.from('x')] } },
    ];
    server.models.set('typed', { ...fakeIris, infer: () => ({ outputs }) });
    const result = await client.model('typed').predict({ X: ROW });
    const data = Object.values(result.outputs).map((output) => output.data);
    assert.deepEqual(data, [[0.5, 'NaN'], ['9007199254740993'], ['x']]);
  }),
);

test(
  'UNAVAILABLE is tried three times, after the time that the server names; nothing else is',
  served(async ({ server, client }) => {
    const busy = (): FakeStatus =>
      new FakeStatus('UNAVAILABLE', 'queue full', { 'grpc-retry-pushback-ms': '1' });
    server.models.set(
      'twice',
      failing((attempt) => (attempt <= 2 ? busy() : undefined)),
    );
    server.models.set('always', failing(busy));
    server.models.set(
      'never',
      failing(() => new FakeStatus('UNAVAILABLE', 'no', { 'grpc-retry-pushback-ms': '-1' })),
    );
    server.models.set(
      'broken',
      failing(() => new FakeStatus('INTERNAL', 'model failed')),
    );
    const attempts = (): number => server.calls.splice(0).filter((call) => call === 'ModelInfer').length;
    const began = performance.now();
    await client.model('twice').predict({ X: ROW });
    assert.equal(attempts(), 3);
    await assert.rejects(client.model('always').predict({ X: ROW }), (error) => {
      assert.ok(error instanceof SluiceClientError);
      assert.deepEqual([error.code, error.retryAfterMs, error.unreachable], ['UNAVAILABLE', 1, false]);
      return true;
    });
    assert.equal(attempts(), 3);
    await assert.rejects(client.model('never').predict({ X: ROW }), rejection('UNAVAILABLE', /no/));
    assert.equal(attempts(), 1);
    await assert.rejects(client.model('broken').predict({ X: ROW }), rejection('INTERNAL', /model failed/));
    assert.equal(attempts(), 1);
    assert.ok(performance.now() - began < 5000);
  }),
);

test(
  'a deadline ends a call, and an aborted signal cancels it with its reason',
  served(async ({ server, client }) => {
    server.models.set('stuck', { ...fakeIris, infer: () => new Promise<never>(() => {}) });
    const stuck = client.model('stuck');
    const inferred = () => server.calls.filter((call) => call === 'ModelInfer').length;
    // Or a deadline on a slow machine could pass before the call that it is meant for.
    await stuck.metadata();
    await assert.rejects(stuck.predict({ X: ROW }, { deadlineMs: 60 }), rejection('DEADLINE_EXCEEDED', /./));
    const controller = new AbortController();
    const reason = new Error('the page was left');
    const before = inferred();
    const pending = stuck.predict({ X: ROW }, { signal: controller.signal });
    while (inferred() === before) await setImmediate();
    controller.abort(reason);
    await assert.rejects(
      pending,
      (error) => rejection('CANCELLED', /aborted/)(error) && (error as Error).cause === reason,
    );
    await assert.rejects(
      stuck.predict({ X: ROW }, { signal: AbortSignal.abort() }),
      rejection('CANCELLED', /aborted/),
    );
    await assert.rejects(
      stuck.predict({ X: ROW }, { deadlineMs: Number.NaN }),
      rejection('INVALID_ARGUMENT', /deadlineMs/),
    );
    for (const deadlineMs of [1e12, 1e15, Number.POSITIVE_INFINITY])
      assert.equal((await client.model('iris').predict({ X: ROW }, { deadlineMs })).version, '2');
  }),
);

test(
  'a signature that changed is fetched again, and the prediction still succeeds',
  served(async ({ server, client }) => {
    let now = 0;
    const clock = performance.now;
    performance.now = () => now;
    try {
      const changing = client.model('changing');
      server.models.set('changing', fakeIris);
      await changing.predict({ X: ROW });
      const spec = { name: 'Z', datatype: 'FP64', shape: [-1, 4] };
      server.models.set('changing', { ...fakeIris, inputs: [spec] });
      await assert.rejects(
        changing.predict({ Z: ROW }),
        rejection('INVALID_ARGUMENT', /no input 'Z'; it has 'X'/),
      );
      now = 2000;
      assert.equal((await changing.predict({ Z: ROW })).model, 'changing');
    } finally {
      performance.now = clock;
    }
  }),
);

test(
  'the rest of the surface',
  served(async ({ client }) => {
    assert.equal(await client.serverLive(), true);
    assert.equal(await client.serverReady(), true);
    assert.deepEqual(await client.serverMetadata(), {
      name: 'fake',
      version: '0',
      extensions: ['classification'],
    });
    assert.equal(await client.modelReady('iris'), true);
    assert.equal(await client.modelReady('nobody'), false);
    assert.deepEqual((await client.modelMetadata('iris', { version: 1 })).inputs, fakeIris.inputs);
    assert.deepEqual((await client.models()).at(-1), {
      name: 'broken',
      version: '1',
      state: 'UNAVAILABLE',
      reason: 'not an ONNX file',
    });
    assert.equal(await client.health(), 'SERVING');
    await assert.rejects(client.health('nobody'), rejection('NOT_FOUND', /nobody/));
  }),
);

test(
  'nobody listening is said so, and a closed client refuses',
  served(
    async ({ client }) => {
      await assert.rejects(client.serverLive(), (error) => {
        assert.equal((error as SluiceClientError).unreachable, true);
        return rejection('UNAVAILABLE', /^Cannot reach 127\.0\.0\.1:1: connect ECONNREFUSED/)(error);
      });
      client.close();
      await assert.rejects(client.serverLive(), rejection('CANCELLED', /closed/));
    },
    { address: '127.0.0.1:1' },
  ),
);

test(
  'a client that is told so tries once',
  served(
    async ({ server, client }) => {
      server.models.set(
        'full',
        failing(() => new FakeStatus('UNAVAILABLE', 'queue full')),
      );
      await assert.rejects(client.model('full').predict({ X: ROW }), rejection('UNAVAILABLE', /queue full/));
      assert.deepEqual(server.calls, ['ModelMetadata', 'ModelInfer']);
    },
    { maxAttempts: 1 },
  ),
);
