import type { MessageShape } from '@bufbuild/protobuf';
import { GatewayError, quote } from '../../core/error.js';
import type { LogSwitches } from '../../core/log-switches.js';
import type { RpcMethod } from '../../core/transport.js';
import {
  GRPCInferenceService,
  type LogSettingsRequest_SettingValueSchema,
} from '../../gen/inference/grpc_service_pb.js';
import { unaryMethod } from '../messages.js';
import {
  badSetting,
  checkMayChange,
  fixedSetting,
  type RuntimeSettings,
  unknownSetting,
} from './runtime-settings.js';

type Value = MessageShape<typeof LogSettingsRequest_SettingValueSchema>;

/** How the time stands in a JSON line; it cannot be changed. */
const FORMAT = 'ISO8601';

/** Each key that can be set, and how: a fault is thrown before anything is changed. */
const SETTERS: Readonly<Record<string, (key: string, value: Value) => Partial<LogSwitches>>> = {
  log_info: (key, value) => ({ info: flag(key, value) }),
  log_warning: (key, value) => ({ warning: flag(key, value) }),
  log_error: (key, value) => ({ error: flag(key, value) }),
  log_verbose_level: (key, value) => ({ verboseLevel: level(key, value) }),
  log_format: checkFormat,
};

/**
 * LogSettings: answers what is in force after the change asked for, if any. All of a change is made or, where one part of it is
 * at fault, nothing. `switches` undefined: the program that embeds the server keeps its own logs.
 */
export function logSettings(switches: LogSwitches | undefined, runtime: RuntimeSettings): RpcMethod {
  return unaryMethod(GRPCInferenceService.method.logSettings, ({ settings }) => {
    if (switches === undefined) {
      throw new GatewayError('UNAVAILABLE', 'the server does not support dynamic logging');
    }
    const entries = Object.entries(settings);
    if (entries.length > 0) {
      checkMayChange(runtime, 'log settings');
      const change: Partial<LogSwitches> = Object.assign(
        {},
        ...entries.map(([key, value]) => setter(key)(key, value)),
      );
      runtime.logger.warn({ ...change }, 'log settings are changed by a call');
      Object.assign(switches, change);
    }
    return { settings: described(switches) };
  });
}

function setter(key: string): (key: string, value: Value) => Partial<LogSwitches> {
  const found = Object.hasOwn(SETTERS, key) ? SETTERS[key] : undefined;
  if (found !== undefined) return found;
  if (key === 'log_file') {
    throw fixedSetting(key, 'log_file: log file location can not be updated through network protocol');
  }
  throw unknownSetting(key, Object.keys(SETTERS));
}

function flag(key: string, { parameterChoice }: Value): boolean {
  if (parameterChoice.case === 'boolParam') return parameterChoice.value;
  throw badSetting(key, `expect boolean for '${key}'`);
}

function level(key: string, { parameterChoice }: Value): number {
  if (parameterChoice.case === 'uint32Param') return parameterChoice.value;
  throw badSetting(key, `expect uint32 for '${key}'`);
}

function checkFormat(key: string, { parameterChoice }: Value): Partial<LogSwitches> {
  if (parameterChoice.case !== 'stringParam') throw badSetting(key, `expect string for '${key}'`);
  if (parameterChoice.value === FORMAT) return {};
  const message = `invalid argument for log_format, got: ${quote(parameterChoice.value)}, wanted ${FORMAT}: the form is chosen at start, and time stamps are always ISO 8601`;
  throw badSetting(key, message);
}

function described({ info, warning, error, verboseLevel }: LogSwitches) {
  const bool = (value: boolean) => ({ parameterChoice: { case: 'boolParam', value } }) as const;
  const text = (value: string) => ({ parameterChoice: { case: 'stringParam', value } }) as const;
  return {
    // Lines go to standard output: Triton's word for that is no file.
    log_file: text(''),
    log_info: bool(info),
    log_warning: bool(warning),
    log_error: bool(error),
    log_verbose_level: { parameterChoice: { case: 'uint32Param', value: verboseLevel } } as const,
    log_format: text(FORMAT),
  };
}
