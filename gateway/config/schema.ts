import * as z from 'zod';
import { AUTH_SETTINGS, TLS_SETTINGS } from './access-settings.js';
import { CALLER_SETTINGS } from './caller-settings.js';
import { ADMIN_SETTINGS, LABEL_SETTINGS } from './label-settings.js';
import { GRPC_SETTINGS, HTTP_SETTINGS, METRICS_SETTINGS } from './listener-settings.js';
import { MODEL_SETTINGS } from './model-settings.js';
import { LOG_SETTINGS, QUEUE_SETTINGS, SERVER_SETTINGS, WORKER_SETTINGS } from './runtime-settings.js';
import { Setting } from './setting.js';
import { TENSORFLOW_SETTINGS } from './tensorflow-settings.js';
import { TRACE_SETTINGS } from './trace-settings.js';

/** Every setting there is, as it nests in sluice.yaml. */
export const SETTINGS = {
  ...MODEL_SETTINGS,
  ...LABEL_SETTINGS,
  grpc: GRPC_SETTINGS,
  http: HTTP_SETTINGS,
  tensorflow: TENSORFLOW_SETTINGS,
  metrics: METRICS_SETTINGS,
  admin: ADMIN_SETTINGS,
  tls: TLS_SETTINGS,
  auth: AUTH_SETTINGS,
  workers: WORKER_SETTINGS,
  queue: QUEUE_SETTINGS,
  callers: CALLER_SETTINGS,
  server: SERVER_SETTINGS,
  log: LOG_SETTINGS,
  trace: TRACE_SETTINGS,
};

type Values<T> = {
  readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : Values<T[K]>;
};

/** The effective configuration: deeply frozen, every setting present. Only gateway.ts and the CLI read it. */
export type Config = Values<typeof SETTINGS>;

/** A setting and the names it goes by. */
export interface NamedSetting {
  /** `grpc.port` */
  readonly path: string;
  /** `['grpc', 'port']` */
  readonly keys: readonly string[];
  /** `grpc`; `models` for those at the top. */
  readonly group: string;
  /** `--grpc-port` first, then its aliases; empty where there is no flag. */
  readonly flags: readonly string[];
  /** `SLUICE_GRPC_PORT`; undefined where there is none. */
  readonly env: string | undefined;
  readonly setting: Setting<unknown>;
}

/** What each group of settings is about, in the order in which help and documents show them. */
export const GROUPS: Readonly<Record<string, string>> = {
  models: 'Models',
  grpc: 'gRPC',
  http: 'HTTP',
  tensorflow: 'TensorFlow Serving',
  metrics: 'Metrics',
  admin: 'Admin',
  tls: 'TLS',
  auth: 'Tokens',
  workers: 'Workers',
  queue: 'Queue',
  callers: 'Callers',
  server: 'Server',
  log: 'Logs',
  trace: 'Traces',
};

/** `grpc.maxMessageBytes` with `-` is `grpc-max-message-bytes`. */
function words(path: string, separator: string): string {
  return path
    .replaceAll('.', separator)
    .replace(/([A-Z])/g, `${separator}$1`)
    .toLowerCase();
}

function name(keys: readonly string[], setting: Setting<unknown>): NamedSetting {
  const path = keys.join('.');
  const { spec } = setting;
  const hasNames = spec.form !== 'file-only';
  return {
    path,
    keys,
    group: keys.length > 1 ? (keys[0] as string) : 'models',
    flags: hasNames
      ? [spec.flag ?? words(path, '-'), ...(spec.aliases ?? [])].map((flag) => `--${flag}`)
      : [],
    env: hasNames ? `SLUICE_${words(path, '_').toUpperCase()}` : undefined,
    setting,
  };
}

/** All settings with their names, group by group. */
export const NAMED_SETTINGS: readonly NamedSetting[] = Object.entries(SETTINGS).flatMap(([key, value]) =>
  value instanceof Setting
    ? [name([key], value as Setting<unknown>)]
    : Object.entries(value).map(([inner, setting]) => name([key, inner], setting as Setting<unknown>)),
);

/** Names of the sections at the top of sluice.yaml, `models` excepted. */
export const SECTIONS: readonly string[] = Object.entries(SETTINGS)
  .filter(([, value]) => !(value instanceof Setting))
  .map(([key]) => key);

function fieldType({ spec }: Setting<unknown>): z.ZodType {
  const described = spec.type.describe(
    spec.why + (spec.defaultText === undefined ? '' : ` Default: ${spec.defaultText}.`),
  );
  // As an annotation for editors only: absence must stay visible when the file is merged with the other sources.
  return (
    spec.default === undefined ? described : described.meta({ ...described.meta(), default: spec.default })
  ).optional();
}

function shapeOf(settings: object): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      key,
      value instanceof Setting ? fieldType(value) : z.strictObject(shapeOf(value)).optional(),
    ]),
  );
}

/** What sluice.yaml may hold: any part of the settings, and nothing else. */
export const FILE_TYPE: z.ZodType<Record<string, unknown>> = z.strictObject(shapeOf(SETTINGS));
