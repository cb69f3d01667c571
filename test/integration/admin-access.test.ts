import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { create, type DescMethod, toBinary } from '@bufbuild/protobuf';
import { Health } from '../../gateway/gen/grpc/health/v1/health_pb.js';
import { ServerReflection } from '../../gateway/gen/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ReflectionAlpha } from '../../gateway/gen/grpc/reflection/v1alpha/reflection_pb.js';
import {
  GRPCInferenceService,
  LogSettingsRequestSchema,
  TraceSettingRequestSchema,
} from '../../gateway/gen/inference/grpc_service_pb.js';
import { Admin } from '../../gateway/gen/sluice/v1/admin_pb.js';
import { ModelService } from '../../gateway/gen/tensorflow_serving/apis/model_service_pb.js';
import { PredictionService } from '../../gateway/gen/tensorflow_serving/apis/prediction_service_pb.js';
import { makeFolder } from '../support/certificates.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { tokenLine } from '../support/tokens.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';

/** What a method may do, and so where it answers. */
type Kind =
  /** Anywhere. */
  | 'tells'
  /** On the main port only. */
  | 'predicts'
  /** On the admin listener, and on the main port where that was opened. */
  | 'changes'
  /** Nowhere: known, and always refused. */
  | 'never';

/** Every method of every service. A new one fails the test until somebody says here what it may do. */
const KINDS: Readonly<Record<string, Kind>> = {
  'sluice.v1.Admin/Versions': 'changes',
  'sluice.v1.Admin/Load': 'changes',
  'sluice.v1.Admin/Unload': 'changes',
  'sluice.v1.Admin/Label': 'changes',
  'sluice.v1.Admin/Promote': 'changes',
  'sluice.v1.Admin/Rollback': 'changes',
  'sluice.v1.Admin/History': 'changes',
  'sluice.v1.Admin/Calls': 'changes',
  'sluice.v1.Admin/Callers': 'changes',
  'sluice.v1.Admin/Resize': 'changes',
  'grpc.health.v1.Health/Check': 'tells',
  'grpc.health.v1.Health/List': 'tells',
  'grpc.health.v1.Health/Watch': 'tells',
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo': 'tells',
  'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': 'tells',
  'inference.GRPCInferenceService/ServerLive': 'tells',
  'inference.GRPCInferenceService/ServerReady': 'tells',
  'inference.GRPCInferenceService/ServerMetadata': 'tells',
  'inference.GRPCInferenceService/ModelReady': 'tells',
  'inference.GRPCInferenceService/ModelMetadata': 'tells',
  'inference.GRPCInferenceService/ModelConfig': 'tells',
  'inference.GRPCInferenceService/ModelStatistics': 'tells',
  'inference.GRPCInferenceService/RepositoryIndex': 'tells',
  'inference.GRPCInferenceService/ModelInfer': 'predicts',
  'inference.GRPCInferenceService/ModelStreamInfer': 'predicts',
  'tensorflow.serving.PredictionService/Predict': 'predicts',
  'tensorflow.serving.PredictionService/Classify': 'predicts',
  'tensorflow.serving.PredictionService/Regress': 'predicts',
  'tensorflow.serving.PredictionService/MultiInference': 'predicts',
  'tensorflow.serving.PredictionService/GetModelMetadata': 'tells',
  'tensorflow.serving.ModelService/GetModelStatus': 'tells',
  'tensorflow.serving.ModelService/HandleReloadConfigRequest': 'changes',
  'inference.GRPCInferenceService/LogSettings': 'changes',
  'inference.GRPCInferenceService/TraceSetting': 'changes',
  'inference.GRPCInferenceService/RepositoryModelLoad': 'changes',
  'inference.GRPCInferenceService/RepositoryModelUnload': 'changes',
  'inference.GRPCInferenceService/SystemSharedMemoryStatus': 'never',
  'inference.GRPCInferenceService/SystemSharedMemoryRegister': 'never',
  'inference.GRPCInferenceService/SystemSharedMemoryUnregister': 'never',
  'inference.GRPCInferenceService/CudaSharedMemoryStatus': 'never',
  'inference.GRPCInferenceService/CudaSharedMemoryRegister': 'never',
  'inference.GRPCInferenceService/CudaSharedMemoryUnregister': 'never',
};

const METHODS: readonly DescMethod[] = [
  GRPCInferenceService,
  PredictionService,
  ModelService,
  Admin,
  Health,
  ServerReflection,
  ReflectionAlpha,
].flatMap((service) => service.methods);

/** A request that would change something; an empty one for most. */
function bodyOf(name: string): Uint8Array {
  const value = { parameterChoice: { case: 'boolParam' as const, value: true } };
  if (name.endsWith('/LogSettings'))
    return toBinary(
      LogSettingsRequestSchema,
      create(LogSettingsRequestSchema, { settings: { log_info: value } }),
    );
  if (name.endsWith('/TraceSetting')) {
    const settings = { trace_rate: { value: ['1000'] } };
    return toBinary(TraceSettingRequestSchema, create(TraceSettingRequestSchema, { settings }));
  }
  return new Uint8Array();
}

const REFUSALS: Readonly<Record<number, string>> = { 7: 'denied', 12: 'absent', 16: 'unauthenticated' };

/** By method: `denied`, `unauthenticated`, `absent`, or `answered` for whatever its handler then says. */
async function probe(t: TestContext, port: number, token?: string): Promise<Record<string, string>> {
  const client = new RawClient(port);
  t.after(() => client.close());
  const found: Record<string, string> = {};
  for (const { parent, name } of METHODS) {
    const key = `${parent.typeName}/${name}`;
    const { status } = await client.call(`/${key}`, frame(bodyOf(key)), {
      'grpc-timeout': '200m',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    });
    found[key] = REFUSALS[status ?? -1] ?? 'answered';
  }
  return found;
}

function expected(answers: Readonly<Record<Kind, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(KINDS).map(([key, kind]) => [key, answers[kind]]));
}

test('I112 every method on each listener, open and closed: what changes the server is on the admin listener', async (t) => {
  const known = METHODS.map(({ parent, name }) => `${parent.typeName}/${name}`).sort();
  assert.deepEqual(Object.keys(KINDS).sort(), known, 'a method without a row, or a row without a method');
  const lines: string[] = [];
  const note = (_fields: object, text: string) => void lines.push(text);
  const logger = { debug: () => {}, info: () => {}, warn: note, error: () => {} };
  const settings = {
    modelRepository: [EXAMPLES],
    workers: { count: 1 },
    modelControlMode: 'explicit' as const,
  };
  const logSwitches = { get: () => true, set: () => {} } as never;
  const closed = await useGateway(t, settings, { logger, logSwitches });
  const admin = Number(closed.adminAddress.split(':')[1]);
  const main = { tells: 'answered', predicts: 'answered', never: 'absent' };
  assert.deepEqual(await probe(t, closed.grpcPort), expected({ ...main, changes: 'denied' }), 'main, closed');
  assert.ok(lines.some((line) => /was refused: it is closed/.test(line)));
  const onAdmin = expected({ tells: 'answered', predicts: 'absent', changes: 'answered', never: 'absent' });
  assert.deepEqual(await probe(t, admin), onAdmin, 'admin');
  const open = await useGateway(
    t,
    { ...settings, admin: { openOnGrpc: true, enabled: false } },
    { logSwitches },
  );
  assert.deepEqual(await probe(t, open.grpcPort), expected({ ...main, changes: 'answered' }), 'main, open');
  assert.equal(open.adminAddress, '127.0.0.1:undefined', 'no admin listener where it is switched off');
});

/** Who gets past the guard where tokens are wanted: nobody in particular, or the holders of a role. */
const OPEN = /^grpc\.health\.v1\.Health\/(Check|Watch)$|\/Server(Live|Ready)$/;
const READ_OF_ADMIN = /^sluice\.v1\.Admin\/(Versions|History|Calls|Callers)$|SharedMemoryStatus$/;

function allowed(key: string, role: string): boolean {
  const kind = KINDS[key] as Kind;
  if (OPEN.test(key)) return true;
  if (role === 'none') return false;
  if (kind === 'tells' || READ_OF_ADMIN.test(key)) return true;
  return role === (kind === 'predicts' ? 'infer' : 'control');
}

test('I111 I112 every method with the token of each role, on each listener, open and closed', async (t) => {
  const folder = makeFolder(t);
  const roles = ['infer', 'read', 'control'];
  const tokensFile = folder.write('tokens', roles.map((role) => tokenLine(role, role, `t-${role}`)).join(''));
  const settings = {
    modelRepository: [EXAMPLES],
    workers: { count: 1 },
    modelControlMode: 'explicit' as const,
    auth: { tokensFile },
  };
  const logSwitches = { get: () => true, set: () => {} } as never;
  const opened = await useGateway(t, { ...settings, admin: { openOnGrpc: true } }, { logSwitches });
  const closed = await useGateway(t, settings, { logSwitches });
  // What answers where tokens are not asked for, from the test above.
  const main = { tells: 'answered', predicts: 'answered', never: 'absent' };
  const places = [
    ['main, open', opened.grpcPort, expected({ ...main, changes: 'answered' })],
    ['main, closed', closed.grpcPort, expected({ ...main, changes: 'denied' })],
  ] as const;
  for (const [place, port, without] of places) {
    for (const role of ['none', ...roles]) {
      const refused = role === 'none' ? 'unauthenticated' : 'denied';
      const wanted = Object.entries(without).map(([key, answer]) => [
        key,
        allowed(key, role) ? answer : refused,
      ]);
      const found = await probe(t, port, role === 'none' ? undefined : `t-${role}`);
      assert.deepEqual(found, Object.fromEntries(wanted), `${place}, ${role}`);
    }
  }
  const admin = Number(closed.adminAddress.split(':')[1]);
  const onAdmin = expected({ tells: 'answered', predicts: 'absent', changes: 'answered', never: 'absent' });
  assert.deepEqual(await probe(t, admin), onAdmin, 'admin on loopback wants none');
});
