import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, collect, type Plain, type Stream, startServices } from '../support/grpc-services.js';

test('G98 Check of an unknown name is NOT_FOUND; Watch says SERVICE_UNKNOWN and then what happens', async (t) => {
  const { connect, catalog, state, health } = await startServices(t);
  const client = connect('grpc.health.v1.Health');
  assert.deepEqual(await ask(client, 'Check', {}), { status: 'SERVING' });
  assert.deepEqual(await ask(client, 'Check', { service: 'inference.GRPCInferenceService' }), {
    status: 'SERVING',
  });
  for (const unknown of ['sluice.model/iris', 'nobody', 'sluice.model/'])
    await assert.rejects(ask(client, 'Check', { service: unknown }), { code: 5 });

  const stream = client['Watch']?.({ service: 'sluice.model/iris' }) as Stream;
  const watch = collect(stream);
  assert.deepEqual(await watch.next(), { status: 'SERVICE_UNKNOWN' });
  catalog.set('iris', 1, 'loading');
  assert.deepEqual(await watch.next(), { status: 'NOT_SERVING' });
  catalog.set('iris', 1, 'available');
  assert.deepEqual(await watch.next(), { status: 'SERVING' });
  // A new version on its way changes nothing for the model, so the next thing said is its end.
  catalog.set('iris', 2, 'loading');
  catalog.set('other', 1, 'available');
  catalog.set('iris', 1, 'unloaded');
  assert.deepEqual(await watch.next(), { status: 'NOT_SERVING' });
  catalog.set('iris', 2, 'available');
  assert.deepEqual(await watch.next(), { status: 'SERVING' });
  assert.deepEqual(await ask(client, 'List', {}), {
    statuses: {
      '': { status: 'SERVING' },
      'inference.GRPCInferenceService': { status: 'SERVING' },
      'tensorflow.serving.PredictionService': { status: 'SERVING' },
      'sluice.model/iris': { status: 'SERVING' },
      'sluice.model/other': { status: 'SERVING' },
    },
  });
  const whole = client['Watch']?.({}) as Stream;
  const server = collect(whole);
  assert.deepEqual(await server.next(), { status: 'SERVING' });
  state.ready = false;
  health.refresh();
  assert.deepEqual(await server.next(), { status: 'NOT_SERVING' });
  stream.cancel();
  whole.cancel();
  assert.equal(await watch.status, 1);
});

test('G101 a drain with open watches and an open reflection stream ends, after NOT_SERVING', async (t) => {
  const { connect, catalog, health, transport } = await startServices(t);
  catalog.set('iris', 1, 'available');
  const client = connect('grpc.health.v1.Health');
  const watches = ['', 'sluice.model/iris', 'sluice.model/unknown'].map((name) =>
    collect(client['Watch']?.({ service: name }) as Stream),
  );
  const talk = connect('grpc.reflection.v1.ServerReflection')['ServerReflectionInfo']?.() as Stream;
  const conversation = collect(talk);
  talk.write({ list_services: '' });
  await conversation.next();
  const first = await Promise.all(watches.map(({ next }) => next()));
  assert.deepEqual(
    first.map(({ status }) => status),
    ['SERVING', 'SERVING', 'SERVICE_UNKNOWN'],
  );

  health.drain();
  assert.deepEqual(await watches[0]?.next(), { status: 'NOT_SERVING' });
  assert.deepEqual(await watches[1]?.next(), { status: 'NOT_SERVING' });
  assert.deepEqual(await ask(client, 'Check', {}), { status: 'NOT_SERVING' });
  assert.equal(catalog.listeners, 0);
  await transport.drain();
  assert.deepEqual(await Promise.all(watches.map(({ status }) => status)), [0, 0, 0]);
  assert.equal(await conversation.status, 0);
});

test('G101 a drain alone tells a watch NOT_SERVING before it ends', async (t) => {
  const { connect, transport } = await startServices(t);
  const watch = collect(connect('grpc.health.v1.Health')['Watch']?.({}) as Stream);
  assert.deepEqual(await watch.next(), { status: 'SERVING' });
  await transport.drain();
  assert.deepEqual(await watch.next(), { status: 'NOT_SERVING' });
  assert.equal(await watch.status, 0);
});

test('reflection of both versions lists what is served and sends files with all their imports', async (t) => {
  const { connect } = await startServices(t);
  for (const version of ['v1', 'v1alpha']) {
    const talk = connect(`grpc.reflection.${version}.ServerReflection`)['ServerReflectionInfo']?.() as Stream;
    const { next, status } = collect(talk);
    talk.write({ list_services: '*' });
    const { list_services_response: list } = (await next()) as {
      list_services_response: { service: Plain[] };
    };
    assert.deepEqual(
      list.service.map(({ name }) => name),
      [
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
        'inference.GRPCInferenceService',
      ],
    );
    const files = async (request: Plain): Promise<number | string> => {
      talk.write(request);
      const answer = (await next()) as {
        file_descriptor_response?: { file_descriptor_proto: Buffer[] };
        error_response?: { error_code: number };
      };
      const { file_descriptor_response: found } = answer;
      if (!found) return answer.error_response?.error_code as number;
      // A descriptor begins with its name: field 1, length, text.
      return found.file_descriptor_proto
        .map((bytes) => bytes.subarray(2, 2 + (bytes[1] as number)).toString())
        .join(' ');
    };
    const both = 'inference/grpc_service.proto inference/model_config.proto';
    assert.equal(await files({ file_containing_symbol: 'inference.GRPCInferenceService' }), both);
    assert.equal(await files({ file_containing_symbol: 'inference.GRPCInferenceService.ModelInfer' }), both);
    assert.equal(
      await files({ file_containing_symbol: 'inference.ModelInferRequest.InferInputTensor' }),
      both,
    );
    assert.equal(
      await files({ file_containing_symbol: 'inference.TYPE_FP32' }),
      'inference/model_config.proto',
    );
    assert.equal(await files({ file_by_filename: 'inference/grpc_service.proto' }), both);
    assert.equal(
      await files({ file_containing_symbol: 'google.rpc.RetryInfo' }),
      'google/rpc/error_details.proto google/protobuf/duration.proto',
    );
    assert.equal(await files({ file_containing_symbol: 'inference.Nobody' }), 5);
    assert.equal(await files({ file_by_filename: 'nobody.proto' }), 5);
    assert.equal(
      await files({
        file_containing_extension: { containing_type: 'inference.ModelConfig', extension_number: 100 },
      }),
      5,
    );
    assert.equal(await files({}), 3);
    talk.write({ all_extension_numbers_of_type: 'inference.ModelConfig' });
    const { all_extension_numbers_response: numbers } = await next();
    assert.deepEqual(numbers, { base_type_name: 'inference.ModelConfig', extension_number: [] });
    talk.end();
    assert.equal(await status, 0);
  }
});
