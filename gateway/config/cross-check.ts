import { accessFaults, accessWarnings } from './access-check.js';
import { listenersOf } from './listeners.js';
import type { Machine } from './machine.js';
import type { Problem } from './problem.js';
import type { Config } from './schema.js';
import { planWorkers, WorkerExcess } from './workers.js';

interface Findings {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** What no single setting can tell: faults and surprises in how settings stand to each other. */
export function crossCheck(
  config: Config,
  sources: Readonly<Record<string, string>>,
  { machine, requireModels }: { machine?: Machine; requireModels?: boolean },
): Findings {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const blame = (paths: readonly string[], message: string) =>
    problems.push({
      path: paths.join(' and '),
      source: [...new Set(paths.map((path) => sources[path] ?? 'default'))].join(', '),
      message,
    });
  const { grpc, http, queue, server, metrics } = config;

  if (!grpc.enabled && !http.enabled)
    blame(['grpc.enabled', 'http.enabled'], 'both are false: nothing would be served');
  for (const [one, other, port] of sharedPorts(config))
    blame([`${one}.port`, `${other}.port`], `both are ${port}: wanted two different ports`);
  if (server.drainDelayMs > server.exitTimeoutSecs * 1000) {
    blame(
      ['server.drainDelayMs', 'server.exitTimeoutSecs'],
      `the drain delay of ${server.drainDelayMs} ms would outlast the ${server.exitTimeoutSecs} s until the exit`,
    );
  }
  for (const [paths, message] of accessFaults(config)) blame(paths, message);
  warnings.push(...accessWarnings(config));
  const { modelRepository, modelConfigFile, modelBasePath } = config;
  const listed = modelConfigFile ?? modelBasePath;
  if (modelConfigFile !== undefined && modelBasePath !== undefined)
    warnings.push('modelBasePath has no effect: modelConfigFile lists the models');
  if (requireModels === true && modelRepository.length === 0 && listed === undefined) {
    problems.push({
      path: 'modelRepository',
      source: 'not given',
      message: 'nothing to serve',
      hint: 'Name a model repository, a model directory or an .onnx file: sluice serve ./models',
    });
  }
  if (machine !== undefined) {
    try {
      planWorkers(config.workers, machine);
    } catch (error) {
      if (!(error instanceof WorkerExcess)) throw error;
      blame(['workers.count', 'workers.intraOpThreads'], error.message);
    }
  }
  if (grpc.enabled && grpc.maxMessageBytes > queue.maxQueueBytes) {
    warnings.push(
      `grpc.maxMessageBytes (${grpc.maxMessageBytes}) exceeds queue.maxQueueBytes (${queue.maxQueueBytes}): a request of that size can never be queued`,
    );
  }
  const { metadataKey, rowsPerSec, named } = config.callers;
  if (metadataKey === undefined && rowsPerSec > 0)
    warnings.push(
      'callers.rowsPerSec is a quota of all callers together: callers.metadataKey tells them apart',
    );
  if (metadataKey === undefined && Object.keys(named).length > 0)
    warnings.push('callers.named has no effect on gRPC: callers.metadataKey says how callers are known');
  if (config.workers.enableWaitingRuntime) {
    warnings.push(
      'workers.enableWaitingRuntime is on: a request to a waiting model can end a worker or the whole server; it is for tests and benchmarks only',
    );
  }
  if (metrics.enabled && !metrics.ownPort && !http.enabled && sources['metrics.enabled'] !== 'default')
    warnings.push('metrics.enabled has no effect: metrics.ownPort and http.enabled are false');
  if (metrics.exporter !== 'none' && !metrics.enabled)
    warnings.push('metrics.exporter has no effect: metrics.enabled is false, so there are none');
  return { problems, warnings };
}

/** Listeners that want the same port of the same address, in pairs. */
function sharedPorts(config: Config): [one: string, other: string, port: number][] {
  const numbered = listenersOf(config).filter(
    ({ port, address }) => port !== 0 && !address.startsWith('unix:'),
  );
  return numbered.flatMap((one, i) =>
    numbered
      .slice(i + 1)
      .filter((other) => one.port === other.port && overlap(one.address, other.address))
      .map((other): [string, string, number] => [one.name, other.name, one.port]),
  );
}

const WILDCARDS = new Set(['0.0.0.0', '::']);

function overlap(a: string, b: string): boolean {
  return a === b || WILDCARDS.has(a) || WILDCARDS.has(b);
}
