/** grpc-js and proto-loader over the files of proto/, and nothing of this package's own client: as a JavaScript user begins. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type ClientDuplexStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { repositoryRoot } from '../support/server-process.js';
import { findTool, serveForInterop } from './tools.js';

type Answer = Readonly<Record<string, unknown>>;
type Unary = (request: object, callback: (error: ServiceError | null, answer: Answer) => void) => void;

const COUNTING = Array.from({ length: 16 }, (_, i) => i);

/** Both inputs are 0 to 15, or with `by` added. */
const request = (by = 0, id = '') => ({
  model_name: 'simple',
  model_version: '',
  id,
  inputs: ['INPUT0', 'INPUT1'].map((name) => ({
    name,
    datatype: 'INT32',
    shape: [1, 16],
    contents: { int_contents: COUNTING.map((n) => n + by) },
  })),
  outputs: [{ name: 'OUTPUT0' }, { name: 'OUTPUT1' }],
});

function numbers(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(i * 4));
}

test('grpc-js with proto-loader: health, metadata, typed contents, a stream', async (t) => {
  // It is Python that makes the models.
  if (findTool(t, 'python') === undefined) return;
  const address = await serveForInterop(t);
  const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
  const definition = loadSync('inference/grpc_service.proto', {
    ...options,
    includeDirs: [join(repositoryRoot, 'proto')],
  });
  const { inference } = loadPackageDefinition(definition) as { inference: GrpcObject };
  const Service = (inference as GrpcObject)['GRPCInferenceService'] as ServiceClientConstructor;
  const client = new Service(address, credentials.createInsecure());
  t.after(() => client.close());
  const ask = (method: string, body: object) =>
    new Promise<Answer>((resolve, reject) => {
      const call = (client[method] as unknown as Unary).bind(client);
      call(body, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });

  await t.test('live, ready, metadata', async () => {
    assert.deepEqual(await ask('serverLive', {}), { live: true });
    assert.deepEqual(await ask('serverReady', {}), { ready: true });
    const metadata = await ask('modelMetadata', { name: 'simple', version: '' });
    assert.equal(metadata['name'], 'simple');
    assert.deepEqual(metadata['versions'], ['1']);
    const shape = ['-1', '16'];
    assert.deepEqual(metadata['inputs'], [
      { name: 'INPUT0', datatype: 'INT32', shape },
      { name: 'INPUT1', datatype: 'INT32', shape },
    ]);
  });

  await t.test('sums and differences of typed contents, as raw bytes', async () => {
    const answer = await ask('modelInfer', request());
    const [sums, differences] = (answer['raw_output_contents'] as Buffer[]).map(numbers);
    assert.deepEqual(
      sums,
      COUNTING.map((n) => n + n),
    );
    assert.deepEqual(differences, Array(16).fill(0));
  });

  await t.test('an unknown model is NOT_FOUND', async () => {
    await assert.rejects(ask('modelInfer', { ...request(), model_name: 'no-such-model' }), {
      code: 5,
      details: /Request for unknown model/,
    });
  });

  await t.test('a stream answers in order, errors in their place', async () => {
    const open = (client['modelStreamInfer'] as unknown as () => ClientDuplexStream<object, Answer>).bind(
      client,
    );
    const stream = open();
    for (let i = 0; i < 20; i++) stream.write(i === 7 ? { model_name: 'no-such-model' } : request(i, `${i}`));
    stream.end();
    let at = 0;
    for await (const message of stream as AsyncIterable<Answer>) {
      const { error_message: error, infer_response: response } = message as {
        error_message: string;
        infer_response: Answer;
      };
      if (at === 7) assert.match(error, /Request for unknown model/);
      else {
        assert.equal(error, '');
        assert.equal(response['id'], `${at}`);
        const [sums] = (response['raw_output_contents'] as Buffer[]).map(numbers);
        assert.equal(sums?.[15], 2 * (15 + at));
      }
      at++;
    }
    assert.equal(at, 20);
  });
});
