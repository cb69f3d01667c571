import type { PrepareRequest } from '../core/manifest.js';
import type { FoundVersion } from './found.js';
import type { ModelRecord } from './model-record.js';
import { preparedDirectory } from './prepared-directory.js';
import type { VersionEntry } from './version-entry.js';

/** What holds for every version that is prepared. */
export interface PrepareDefaults {
  /** An absolute path; a version may keep files in `<cacheDir>/<model>/<version>`, which `prepare` makes. */
  readonly cacheDir: () => string;
  /** @default 256 */
  readonly defaultMaxBatchSize?: number;
  /** @default 1 */
  readonly intraOpThreads?: number;
}

/** What the preparing process is asked for the next copy of a version. */
export function prepareRequest(
  { directory, effective }: ModelRecord,
  { model, version, nextRevision }: VersionEntry,
  { modelPath, logicalPath }: FoundVersion,
  { cacheDir, defaultMaxBatchSize = 256, intraOpThreads = 1 }: PrepareDefaults,
): PrepareRequest {
  const { configuration, maxBatchSize } = effective;
  const subject = { model, version, ...(nextRevision !== undefined && { revision: nextRevision }) };
  return {
    ...subject,
    modelPath,
    ...(logicalPath !== undefined && { logicalPath }),
    outputDir: preparedDirectory(cacheDir(), subject),
    ...(directory !== undefined && { modelDirectory: directory }),
    ...(maxBatchSize !== undefined && { maxBatchSize }),
    defaultMaxBatchSize,
    intraOpThreads,
    configuration,
  };
}
