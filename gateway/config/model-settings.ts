import { delimiter } from 'node:path';
import * as z from 'zod';
import { autoInteger, bool, choice, integer, list, optionalText, Setting } from './setting.js';

/** Which versions of a model are served; what Triton calls its version policy. */
export type VersionPolicySetting =
  | 'all'
  | { readonly latest: number }
  | { readonly specific: readonly number[] };

/** What sluice.yaml may say of one model. What is absent is decided by the model itself. */
export interface ModelSettings {
  /** @default config.pbtxt's, else { latest: 1 } */
  readonly versionPolicy?: VersionPolicySetting;
  /** Most rows of one batch; 0 never batches. @default config.pbtxt's, else what the model allows, at most defaultMaxBatchSize */
  readonly maxBatchSize?: number;
  /** Whether it may have operators that may never end. @default the server's allowLoops */
  readonly allowLoops?: boolean;
  /** Workers that run this model and no other, for one that is not to be trusted. @default the workers that all share */
  readonly workers?: ModelWorkers;
  /** What the elements of a row are called: of the only input, or by input. @default what the model file carries */
  readonly features?: readonly string[] | Readonly<Record<string, readonly string[]>>;
}

/** Workers of a model's own. */
export interface ModelWorkers {
  /** @default 'process' */
  readonly isolation?: 'thread' | 'process';
  /** @default 1 */
  readonly count?: number;
}

const MAX_BATCH_SIZE = 1_000_000;
/** A name that is also a directory's: no slash, no control character, not `.` or `..`. */
const MODEL_NAME = /^(?!\.{1,2}$)[^/\\\p{Cc}]{1,255}$/u;
const MODEL_NAME_WANTED = 'a model name: at most 255 characters, without slashes';
/** A local path. `s3://…` and its kind would otherwise be taken for a directory of that name. */
const LOCAL_PATH = /^(?![a-z][a-z0-9+.-]*:\/\/)[^\0]{1,4096}$/i;
const LOCAL_PATH_WANTED = 'a path of the local file system';

const count = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

const featureList = z
  .array(z.string().min(1).max(1000))
  .min(1)
  .max(100_000)
  .refine((names) => new Set(names).size === names.length, { error: 'names that differ from each other' });

const features = z.union([featureList, z.record(z.string().min(1).max(1000), featureList)], {
  error: 'a list of names, one for each element of a row, or such a list by input',
});

const versionPolicy = z.union(
  [
    z.literal('all'),
    z.strictObject({ latest: count(1, 1000) }),
    z.strictObject({ specific: z.array(count(1, Number.MAX_SAFE_INTEGER)).min(1).max(1000) }),
  ],
  { error: 'all, {latest: n} or {specific: [n, …]}' },
);

/** Without a prototype, as every value of this setting: a model may be called `constructor`. */
const NO_MODELS: Readonly<Record<string, ModelSettings>> = Object.create(null);

const models = new Setting<Readonly<Record<string, ModelSettings>>>({
  form: 'file-only',
  type: z.record(
    z.string().regex(MODEL_NAME),
    z.strictObject({
      versionPolicy: versionPolicy
        .describe('Which versions are served: all, {latest: n} or {specific: [n, …]}. Default {latest: 1}.')
        .exactOptional(),
      maxBatchSize: count(0, MAX_BATCH_SIZE)
        .describe('Most rows of one batch; 0 never batches. Default: what the model allows.')
        .exactOptional(),
      allowLoops: z
        .boolean()
        .describe('Whether it may have operators that may never end. Default: allowLoops of the server.')
        .exactOptional(),
      workers: z
        .strictObject({
          isolation: z
            .enum(['thread', 'process'])
            .describe('What its workers are. Default: process.')
            .exactOptional(),
          count: count(1, 1024).describe('How many it has. Default: 1.').exactOptional(),
        })
        .describe('Workers that run this model and no other. Default: the workers that all share.')
        .exactOptional(),
      features: features
        .describe(
          'What people call the elements of a row: a list of names, or a list by input. Default: the names that the model file carries.',
        )
        .exactOptional(),
    }),
  ),
  default: NO_MODELS,
  why: 'A section per model: `versionPolicy` (`all`, `{latest: n}`, `{specific: [n, …]}`; default `{latest: 1}`), `maxBatchSize` (rows; 0 never batches), `allowLoops` (as the setting of that name, for this model), `workers` (`{isolation: process, count: 1}`: workers of its own, for a model that is not to be trusted) and `features` (what people call the elements of a row, a list or a list by input: `[age, fare]`; default what the model file carries). The first two come before what its config.pbtxt says.',
  wanted: 'a section per model name, with versionPolicy, maxBatchSize, allowLoops, workers or features',
  placeholder: '',
  fromText: () => undefined,
});

/** Where models are and how they are taken. */
export const MODEL_SETTINGS = {
  modelRepository: list({
    default: [],
    flag: 'model-repository',
    aliases: ['model-store', 'model-dir'],
    placeholder: 'path',
    pattern: LOCAL_PATH,
    wanted: LOCAL_PATH_WANTED,
    separator: delimiter,
    isPath: true,
    why: 'Where the models are: a repository (`<model>/<version>/model.onnx`), one model directory or one `.onnx` file. A path without a flag means the same.',
  }),
  modelName: optionalText({
    default: undefined,
    defaultText: 'from the file or its directory',
    placeholder: 'name',
    pattern: MODEL_NAME,
    wanted: MODEL_NAME_WANTED,
    why: 'The name to serve a bare model file or directory under, where no directory names it.',
  }),
  modelConfigFile: optionalText({
    default: undefined,
    defaultText: 'none',
    placeholder: 'path',
    pattern: LOCAL_PATH,
    wanted: LOCAL_PATH_WANTED,
    isPath: true,
    why: "TensorFlow Serving's list of models (`model_config_list`): names, base paths, version policies and labels, as text. The models of it are served beside those of the repositories.",
  }),
  modelBasePath: optionalText({
    default: undefined,
    defaultText: 'none',
    placeholder: 'path',
    pattern: LOCAL_PATH,
    wanted: LOCAL_PATH_WANTED,
    isPath: true,
    why: "One model's own directory, with the versions in it, as TensorFlow Serving is told of one; `modelName` names it, else it is called `default`. Without effect beside `modelConfigFile`, as there.",
  }),
  defaultMaxBatchSize: integer({
    default: 256,
    min: 1,
    max: MAX_BATCH_SIZE,
    unit: 'rows',
    why: 'Most rows of one batch, for models that can be batched and say nothing themselves.',
  }),
  modelControlMode: choice(['none', 'explicit', 'poll'], {
    default: 'poll',
    why: "Who decides what is loaded. `poll`: the repositories, which are watched: versions that are added, replaced or removed are taken over without a stop. `none`: the repositories as they are at start. `explicit`: what `requiredModels` (`--load-model`) names, and what RepositoryModelLoad and -Unload say. Triton's default is none, since its polling may see a half-copied version; here one is never loaded.",
  }),
  allowFileOverrides: bool({
    default: false,
    why: 'Whether RepositoryModelLoad, in mode `explicit`, may bring the files of a model with it. Who can call it can then have any model run.',
  }),
  repositoryPollSecs: integer({
    aliases: ['file-system-poll-wait-seconds'],
    default: 5,
    min: 1,
    max: 86_400,
    unit: 's',
    why: 'How often the repositories are looked at in mode `poll`: a look reads directories and file dates, not models. A change is loaded when a second look, a second later, finds it unchanged.',
  }),
  keepPrevious: integer({
    default: 1,
    min: 0,
    max: 100,
    why: 'How many former versions of a model stay loaded after a newer one took their place, called by their number only, so that a step back needs no load. Each takes the memory of a version.',
  }),
  prepareTimeoutSecs: integer({
    default: 60,
    min: 1,
    max: 86_400,
    unit: 's',
    why: 'Longest time that a version may take to be prepared: it is loaded and run in a process of its own first, which is killed then, and the version has failed.',
  }),
  prepareMemoryBytes: autoInteger({
    default: 'auto',
    min: 128 * 1024 * 1024,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    why: 'Most memory of the process that prepares a version, its own 60 MB included; it is killed beyond that, and the version has failed. `auto` is half of what the container is given, at least 512 MiB.',
  }),
  memoryLimitBytes: autoInteger({
    default: 'auto',
    min: 128 * 1024 * 1024,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    why: 'Memory that server and models may take together, of which a tenth is left free. A version that does not fit beside what is loaded fails, after former versions that are merely kept (`keepPrevious`) were let go. `auto` is what the container is given.',
  }),
  allowLoops: bool({
    default: false,
    why: 'Whether models may have operators that may never end (`Loop`, `Scan`): a worker that is in one can only be killed. A model that has one is refused otherwise.',
  }),
  linkRoots: list({
    default: [],
    placeholder: 'path',
    pattern: LOCAL_PATH,
    wanted: LOCAL_PATH_WANTED,
    separator: delimiter,
    isPath: true,
    why: 'Directories outside of the repositories into which symbolic links of models may lead (the `blobs` of a Hugging Face cache). A model whose real path lies under neither is refused.',
  }),
  cacheDir: optionalText({
    default: undefined,
    defaultText: "the system's temporary directory",
    placeholder: 'path',
    pattern: LOCAL_PATH,
    wanted: LOCAL_PATH_WANTED,
    isPath: true,
    why: 'Where a server makes a directory of its own, from which its workers load models: copies of what was checked, so that a file that is replaced or removed harms nobody. Servers may share it; what killed ones left is removed by the next. Needs room for one copy of each version that is loaded (none where the file system can share blocks).',
  }),
  requiredModels: list({
    default: [],
    flag: 'load-model',
    placeholder: 'name',
    pattern: MODEL_NAME,
    wanted: MODEL_NAME_WANTED,
    separator: ',',
    why: 'Models without which the server is not ready. All other models are loaded too, but may fail.',
  }),
  strictReadiness: bool({
    default: false,
    why: "Ready only when every model is available. Triton's default is true; here one broken optional model does not take a whole server out of rotation.",
  }),
  models,
};
