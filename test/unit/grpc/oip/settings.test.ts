import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { LogSwitches } from '../../../../gateway/core/log-switches.js';
import { silentLogger } from '../../../../gateway/core/logger.js';
import type { RpcContext, RpcMethod, UnaryHandler } from '../../../../gateway/core/transport.js';
import {
  LogSettingsRequestSchema,
  LogSettingsResponseSchema,
  TraceSettingRequestSchema,
  TraceSettingResponseSchema,
} from '../../../../gateway/gen/inference/grpc_service_pb.js';
import { logSettings } from '../../../../gateway/grpc/oip/log-settings.js';
import { traceSetting } from '../../../../gateway/grpc/oip/trace-setting.js';
import { TraceKeeper } from '../../../../gateway/telemetry/trace-control.js';
import { FakeCatalog } from '../../../support/fake-catalog.js';
import { messageBytes } from '../../../support/message-bytes.js';

/** Calls a method in process. */
async function call<I extends DescMessage, O extends DescMessage>(
  method: RpcMethod,
  [input, output]: [I, O],
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  const answer = await (method.handler as UnaryHandler)(
    toBinary(input, create(input, request)),
    {} as RpcContext,
  );
  return fromBinary(output, messageBytes(answer));
}

const fresh = (): LogSwitches => ({ info: true, warning: true, error: true, verboseLevel: 0 });
const bool = (value: boolean) => ({ parameterChoice: { case: 'boolParam' as const, value } });
const text = (value: string) => ({ parameterChoice: { case: 'stringParam' as const, value } });
const number = (value: number) => ({ parameterChoice: { case: 'uint32Param' as const, value } });

function logs(switches: LogSwitches | undefined, mayChange: boolean) {
  const method = logSettings(switches, { allowed: mayChange, logger: silentLogger });
  return async (settings: MessageInitShape<typeof LogSettingsRequestSchema>['settings'] = {}) => {
    const answer = await call(method, [LogSettingsRequestSchema, LogSettingsResponseSchema], { settings });
    return Object.fromEntries(
      Object.entries(answer.settings).map(([key, { parameterChoice }]) => [key, parameterChoice.value]),
    );
  };
}

function traces(mayChange: boolean) {
  const changes: (string | undefined)[] = [];
  const catalog = new FakeCatalog();
  catalog.set('m', 1, 'available');
  const method = traceSetting(catalog, new TraceKeeper((model) => changes.push(model)), {
    allowed: mayChange,
    logger: silentLogger,
  });
  const ask = async (settings: Record<string, string[]> = {}, modelName = '') => {
    const answer = await call(method, [TraceSettingRequestSchema, TraceSettingResponseSchema], {
      modelName,
      settings: Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, { value }])),
    });
    return Object.fromEntries(Object.entries(answer.settings).map(([key, { value }]) => [key, value]));
  };
  return { ask, changes };
}

test('log settings are told, and changed where that is allowed; what is not named stays', async () => {
  const switches = fresh();
  const ask = logs(switches, true);
  const before = {
    log_file: '',
    log_info: true,
    log_warning: true,
    log_error: true,
    log_verbose_level: 0,
    log_format: 'ISO8601',
  };
  assert.deepEqual(await ask(), before);
  const after = await ask({ log_info: bool(false), log_verbose_level: number(2) });
  assert.deepEqual(after, { ...before, log_info: false, log_verbose_level: 2 });
  assert.deepEqual(switches, { info: false, warning: true, error: true, verboseLevel: 2 });
  // What was told can be asked for.
  await ask({ log_format: text('ISO8601') });
});

test('a change of log settings with one fault changes nothing, and the fault names its key', async () => {
  const switches = fresh();
  const ask = logs(switches, true);
  const good = { log_info: bool(false), log_warning: bool(false) };
  for (const [key, value, code, message] of [
    ['log_error', number(1), 'INVALID_ARGUMENT', /^expect boolean for 'log_error'$/],
    ['log_verbose_level', bool(true), 'INVALID_ARGUMENT', /^expect uint32 for 'log_verbose_level'$/],
    ['log_format', bool(true), 'INVALID_ARGUMENT', /^expect string for 'log_format'$/],
    ['log_format', text('default'), 'INVALID_ARGUMENT', /^invalid argument for log_format, got: 'default'/],
    ['log_file', text('/etc/passwd'), 'UNIMPLEMENTED', /^log_file: log file location can not be updated/],
    ['log_colour', bool(true), 'INVALID_ARGUMENT', /^unknown setting 'log_colour': wanted one of log_info,/],
    ['toString', bool(true), 'INVALID_ARGUMENT', /^unknown setting 'toString'/],
  ] as const)
    await assert.rejects(ask({ ...good, [key]: value }), { code, message }, key);
  assert.deepEqual(switches, fresh());
});

test('settings are read by everybody, and changed only where the server was started so', async () => {
  const switches = fresh();
  const ask = logs(switches, false);
  assert.equal((await ask())['log_info'], true);
  const denied = { code: 'PERMISSION_DENIED', message: /--allow-runtime-settings/ };
  await assert.rejects(ask({ log_info: bool(false) }), denied);
  assert.deepEqual(switches, fresh());
  const { ask: trace, changes } = traces(false);
  assert.deepEqual((await trace())['trace_rate'], ['1000']);
  await assert.rejects(trace({ trace_rate: ['1'] }), denied);
  await assert.rejects(trace({ trace_rate: ['1'] }, 'm'), denied);
  assert.deepEqual(changes, []);
});

test('without a logger that can be switched, log settings are UNAVAILABLE', async () => {
  await assert.rejects(logs(undefined, true)(), { code: 'UNAVAILABLE' });
});

test('trace settings: a model has those of the server but for its own, and clearing goes back', async () => {
  const { ask, changes } = traces(true);
  const defaults = {
    trace_level: ['OFF'],
    trace_rate: ['1000'],
    trace_count: ['-1'],
    log_frequency: ['0'],
    trace_file: [''],
    trace_mode: ['triton'],
  };
  assert.deepEqual(await ask(), defaults);
  await ask({ trace_rate: ['5'], trace_level: ['TENSORS', 'TIMESTAMPS', 'TENSORS'] });
  const own = await ask({ trace_rate: ['7'], trace_count: ['3'] }, 'm');
  const level = ['TIMESTAMPS', 'TENSORS'];
  assert.deepEqual(own, { ...defaults, trace_level: level, trace_rate: ['7'], trace_count: ['3'] });
  assert.deepEqual(await ask(), { ...defaults, trace_level: level, trace_rate: ['5'] });
  assert.deepEqual((await ask({ trace_rate: [] }, 'm'))['trace_rate'], ['5']);
  await ask({ trace_rate: [], trace_level: [] });
  assert.deepEqual(await ask(), defaults);
  assert.deepEqual((await ask({}, 'm'))['trace_count'], ['3']);
  assert.deepEqual(changes, [undefined, 'm', 'm', undefined]);
  // Triton leaves out what its other mode does not have.
  const telemetry = await ask({ trace_mode: ['opentelemetry'] });
  assert.deepEqual([telemetry['log_frequency'], telemetry['trace_file']], [undefined, undefined]);
});

test('a trace setting at fault is refused by name, and nothing is changed', async () => {
  const { ask, changes } = traces(true);
  for (const [key, values, code, message] of [
    ['trace_level', ['OFF', 'TENSORS'], 'INVALID_ARGUMENT', /Expect only one trace level 'OFF'/],
    ['trace_level', ['MAX'], 'INVALID_ARGUMENT', /^Unable to parse 'trace_level', got: 'MAX'/],
    ['trace_rate', ['1', '2'], 'INVALID_ARGUMENT', /^expect only 1 value for 'trace_rate'$/],
    ['trace_rate', ['often'], 'INVALID_ARGUMENT', /^Unable to parse 'trace_rate', got: 'often'/],
    ['trace_rate', ['-1'], 'INVALID_ARGUMENT', /value is out of range \[ 0, 4294967295 \], got: '-1'/],
    ['trace_count', ['-2'], 'INVALID_ARGUMENT', /value is out of range \[ -1, 2147483647 \]/],
    ['log_frequency', ['4294967296'], 'INVALID_ARGUMENT', /value is out of range/],
    ['log_frequency', ['9'.repeat(1000)], 'INVALID_ARGUMENT', /wanted a whole number/],
    ['trace_mode', ['loud'], 'INVALID_ARGUMENT', /wanted triton or opentelemetry/],
    ['trace_file', ['/tmp/x'], 'UNIMPLEMENTED', /^trace_file: trace file location can not be updated/],
    ['__proto__x', ['1'], 'INVALID_ARGUMENT', /^unknown setting '__proto__x'/],
  ] as const)
    await assert.rejects(ask({ trace_count: ['9'], [key]: [...values] }), { code, message }, key);
  await assert.rejects(ask({}, 'nobody'), { code: 'NOT_FOUND', message: /Request for unknown model/ });
  assert.deepEqual((await ask())['trace_count'], ['-1']);
  assert.deepEqual(changes, []);
});

test('models with trace settings of their own are bounded', () => {
  const keeper = new TraceKeeper();
  for (let i = 0; i < 4096; i++) keeper.change(`m${i}`, { rate: 1 });
  assert.throws(() => keeper.change('one more', { rate: 1 }), { code: 'RESOURCE_EXHAUSTED' });
  keeper.change('m0', { rate: undefined });
  keeper.change('one more', { rate: 1 });
  assert.equal(keeper.read('one more').rate, 1);
});
