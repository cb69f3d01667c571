import type { ModelWorkers } from './config/model-settings.js';
import type { Config } from './config/schema.js';
import type { WorkerPlan } from './config/workers.js';
import type { OpenChannel } from './core/channel.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';
import type { Recorder } from './core/recorder.js';
import { DEFAULT_HANG_LIMITS } from './pool/hang-watch.js';
import { Pool } from './pool/pool.js';
import { type ProcessChannelOptions, processChannels } from './pool/process-channel.js';
import { type ThreadChannelOptions, threadChannels } from './pool/thread-channel.js';

/** What the pool of workers is built of. */
export interface PoolParts {
  readonly config: Config;
  readonly plan: WorkerPlan;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: Recorder;
  /** How workers are started, for tests that plant faults. @default as the configuration says */
  readonly openChannel: OpenChannel | undefined;
  /** Workers of one model's own. @default those that models share */
  readonly own?: ModelWorkers | undefined;
}

const MIB = 1024 * 1024;
const WAITING_MAX_HEAP_MB = 256;

/** The pool of workers that a configuration asks for; none is started. */
export function buildPool(parts: PoolParts): Pool {
  const { config, plan, clock, logger, recorder, own } = parts;
  const isolation = own === undefined ? config.workers.isolation : (own.isolation ?? 'process');
  return new Pool({
    slots: own === undefined ? plan.workers : (own.count ?? 1),
    spares: own === undefined ? config.workers.spares : 0,
    open: parts.openChannel ?? openChannel(parts, isolation),
    clock,
    random: Math.random,
    logger,
    recorder,
    hang: { ...DEFAULT_HANG_LIMITS, timeoutMs: config.workers.hangTimeoutMs },
  });
}

function openChannel(parts: PoolParts, isolation: 'thread' | 'process'): OpenChannel {
  return isolation === 'thread'
    ? threadChannels(threadOptions(parts))
    : processChannels(processOptions(parts));
}

function processOptions(parts: PoolParts): ProcessChannelOptions {
  const { maxRssBytes } = parts.config.workers;
  return {
    ...threadOptions(parts),
    logger: parts.logger,
    ...(maxRssBytes === 'auto' ? {} : { maxRssBytes }),
  };
}

function threadOptions({ config, plan, clock, recorder }: PoolParts): ThreadChannelOptions {
  const { maxHeapBytes, enableWaitingRuntime } = config.workers;
  // A waiting model that is told to exhaust the heap need not take all of the machine's memory for it.
  const byDefault = enableWaitingRuntime ? { maxHeapMb: WAITING_MAX_HEAP_MB } : {};
  const heap = maxHeapBytes === 'auto' ? byDefault : { maxHeapMb: Math.floor(maxHeapBytes / MIB) };
  return { clock, recorder, intraOpThreads: plan.intraOpThreads, ...heap };
}
