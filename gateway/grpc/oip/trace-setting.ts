import type { ModelCatalog } from '../../core/catalog.js';
import { quote } from '../../core/error.js';
import type { TraceChange, TraceControl, TraceLevel, TraceSettings } from '../../core/trace-settings.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { unaryMethod } from '../messages.js';
import {
  badSetting,
  checkMayChange,
  fixedSetting,
  type RuntimeSettings,
  unknownSetting,
} from './runtime-settings.js';

const MAX_UINT32 = 2 ** 32 - 1;
const MAX_INT32 = 2 ** 31 - 1;

/** Each key that can be set, and how its values are read. No values clear a setting, and are not read. */
const READERS: Readonly<Record<string, (key: string, values: readonly string[]) => TraceChange>> = {
  trace_level: (key, values) => ({ level: levels(key, values) }),
  trace_rate: (key, values) => ({ rate: whole(key, values, 0, MAX_UINT32) }),
  trace_count: (key, values) => ({ count: whole(key, values, -1, MAX_INT32) }),
  log_frequency: (key, values) => ({ logFrequency: whole(key, values, 0, MAX_UINT32) }),
  trace_mode: (key, values) => ({ mode: mode(key, values) }),
};

const CLEARED: Readonly<Record<string, TraceChange>> = {
  trace_level: { level: undefined },
  trace_rate: { rate: undefined },
  trace_count: { count: undefined },
  log_frequency: { logFrequency: undefined },
  trace_mode: { mode: undefined },
};

/**
 * TraceSetting: answers what is in force, for a model or (`''`) for the server, after the change asked for, if any. All of a
 * change is made or, where one part of it is at fault, nothing.
 */
export function traceSetting(
  catalog: Pick<ModelCatalog, 'describe'>,
  control: TraceControl,
  runtime: RuntimeSettings,
): RpcMethod {
  return unaryMethod(GRPCInferenceService.method.traceSetting, ({ modelName, settings }) => {
    // Names that no model has are refused, so that clients cannot make the settings grow.
    const model = modelName === '' ? undefined : catalog.describe(modelName, '').model;
    const entries = Object.entries(settings);
    if (entries.length > 0) {
      checkMayChange(runtime, 'trace settings');
      const change: TraceChange = Object.assign({}, ...entries.map(([key, { value }]) => read(key, value)));
      control.change(model, change);
      runtime.logger.warn({ model, ...change }, 'trace settings were changed by a call');
    }
    return { settings: described(control.read(model)) };
  });
}

function read(key: string, values: readonly string[]): TraceChange {
  const reader = Object.hasOwn(READERS, key) ? READERS[key] : undefined;
  if (reader !== undefined) return values.length === 0 ? (CLEARED[key] as TraceChange) : reader(key, values);
  if (key === 'trace_file') {
    throw fixedSetting(key, 'trace_file: trace file location can not be updated through network protocol');
  }
  throw unknownSetting(key, Object.keys(READERS));
}

function levels(key: string, values: readonly string[]): readonly TraceLevel[] {
  if (values.includes('OFF')) {
    if (values.length === 1) return [];
    throw badSetting(key, "Expect only one trace level 'OFF' is specified");
  }
  const asked = new Set(values);
  for (const value of asked) {
    if (value !== 'TIMESTAMPS' && value !== 'TENSORS')
      throw badSetting(
        key,
        `Unable to parse '${key}', got: ${quote(value)}, wanted OFF, TIMESTAMPS or TENSORS`,
      );
  }
  return (['TIMESTAMPS', 'TENSORS'] as const).filter((level) => asked.has(level));
}

function whole(key: string, values: readonly string[], min: number, max: number): number {
  const text = single(key, values);
  if (!/^-?\d{1,30}$/.test(text))
    throw badSetting(key, `Unable to parse '${key}', got: ${quote(text)}, wanted a whole number`);
  const value = Number(text);
  if (value >= min && value <= max) return value;
  throw badSetting(
    key,
    `Unable to parse '${key}', value is out of range [ ${min}, ${max} ], got: ${quote(text)}`,
  );
}

function mode(key: string, values: readonly string[]): TraceSettings['mode'] {
  const text = single(key, values);
  if (text === 'triton' || text === 'opentelemetry') return text;
  throw badSetting(key, `Unable to parse '${key}', got: ${quote(text)}, wanted triton or opentelemetry`);
}

function single(key: string, values: readonly string[]): string {
  const [value] = values;
  if (values.length === 1 && value !== undefined) return value;
  throw badSetting(key, `expect only 1 value for '${key}'`);
}

function described({ level, rate, count, logFrequency, mode: inForce }: TraceSettings) {
  const one = (value: string | number) => ({ value: [String(value)] });
  return {
    trace_level: { value: level.length === 0 ? ['OFF'] : [...level] },
    trace_rate: one(rate),
    trace_count: one(count),
    // Triton names these two in its own mode only.
    ...(inForce === 'triton' && { log_frequency: one(logFrequency), trace_file: one('') }),
    trace_mode: one(inForce),
  };
}
