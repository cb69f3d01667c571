import type { Config } from './config/schema.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';
import { EMPTY_STATE } from './repository/labels/desired-state.js';
import { directoryStore } from './repository/labels/directory-store.js';
import { fileStore } from './repository/labels/file-store.js';
import { LabelKeeper } from './repository/labels/label-keeper.js';
import { memoryStore } from './repository/labels/label-store.js';

/** Whether labels outlive the process. */
export function labelsPersist({ stateDir, labelsFile }: Config): boolean {
  return (stateDir ?? labelsFile) !== undefined;
}

/** The keeper of labels that the settings ask for: of a file, of a directory, or of memory only. */
export function buildLabels(config: Config, clock: Clock, logger: Logger): LabelKeeper {
  const { stateDir, labelsFile, labelsPollMs, keepPrevious } = config;
  const store =
    labelsFile !== undefined
      ? fileStore(labelsFile)
      : stateDir !== undefined
        ? directoryStore(stateDir)
        : memoryStore(EMPTY_STATE);
  return new LabelKeeper({ store, clock, logger, pollMs: labelsPollMs, keepPrevious });
}
