import { loadConfig } from './config/load.js';
import { detectMachine, systemFacts } from './config/machine.js';
import { ConfigError } from './config/problem.js';
import { GatewayError } from './core/error.js';
import type { Logger } from './core/logger.js';
import type { Ports } from './fronts.js';
import { createGateway, type Gateway } from './gateway.js';
import { exampleCall, greeting, nameOf } from './greeting.js';
import { createLogger } from './telemetry/logger.js';

/** Exit codes of `sluice serve`; those of the other commands are in cli/exit-code. */
const EXIT_FAILED = 1;
const EXIT_CONFIG = 78;
/** Writes the last log lines and exits. */
type Exit = (code: number) => Promise<never>;

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const SIGNAL_NUMBER = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1 } as const;
type Signal = (typeof SIGNALS)[number];

/** What started this process and starts it again after a crash. */
export interface Keeper {
  /** How far the server has come. */
  tell(progress: 'listening' | 'serving'): void;
  /** Calls back whenever the keeper was asked to stop. */
  onStop(listener: (signal: Signal) => void): void;
  /** Calls back when the keeper has died: nobody would find a server that goes on alone. */
  onGone(listener: () => void): void;
}

/**
 * Runs a server until a signal ends it: configuration, logs, signals and exit codes around `createGateway`. Exits the
 * process: 0 after a drain, 78 when the configuration is at fault (an address that cannot be had included), 128 + the
 * signal's number when a second one came, 137 when a worker is wedged inside a run, which only a kill ends: at the end of a
 * drain, or when all of them are and a restart is the only help.
 *
 * @param keeper @default nothing starts it again
 */
export async function runServer(argv: readonly string[], keeper?: Keeper): Promise<void> {
  const machine = detectMachine(systemFacts());
  let gateway: Gateway;
  let logs: ReturnType<typeof createLogger>;
  try {
    const { config, warnings } = loadConfig({ argv, machine, requireModels: true });
    logs = createLogger(config.log);
    for (const warning of warnings) logs.logger.warn({}, warning);
    const { logger, switches: logSwitches, dropped: logLinesDropped } = logs;
    gateway = createGateway(config, { logger, logSwitches, logLinesDropped, machine });
  } catch (thrown) {
    return fail(thrown);
  }
  const { logger } = logs;
  const exit = async (code: number): Promise<never> => {
    await logs.close();
    return process.exit(code);
  };
  onSignals(gateway, logger, exit, keeper);
  onBugs(gateway, logger, exit);
  void gateway.lost.then(() => gateway.stop()).then(() => endNow(gateway, () => exit(EXIT_FAILED)));
  try {
    const ports = await gateway.start();
    if (gateway.phase !== 'serving') return;
    logger.info({ ...ports, ...gateway.plan }, 'listening');
    keeper?.tell('listening');
    await gateway.settled();
    keeper?.tell('serving');
    if (gateway.phase === 'serving') announce(gateway, ports, logger);
  } catch (thrown) {
    await logs.close();
    fail(thrown);
  }
}

/** Says what is served, by how many workers and why, and a call to copy: in words on a terminal, else in one line. */
function announce(gateway: Gateway, ports: Ports, logger: Logger): void {
  const versions = gateway.catalog.list();
  const available = versions.filter(({ state }) => state === 'available').length;
  const counts = { available, unavailable: versions.length - available };
  if (process.stdout.isTTY) {
    logger.info({ ...ports, ...counts }, 'serving');
    process.stdout.write(greeting(gateway, ports));
    return;
  }
  const models = versions.slice(0, 100).map((status) => `${nameOf(status)} ${status.state}`);
  const { why } = gateway.plan;
  logger.info({ ...ports, ...counts, models, why, tryIt: exampleCall(gateway, ports) }, 'serving');
}

/**
 * First signal: drain and exit. Second: exit at once. With a keeper a signal may come from it, from outside, or, when the terminal
 * or systemd sends it to both, twice: the two ways are counted apart, and the longer count is right.
 */
function onSignals(gateway: Gateway, logger: Logger, exit: Exit, keeper: Keeper | undefined): void {
  const counts = { direct: 0, passedOn: 0 };
  let heard = 0;
  const onSignal = async (way: keyof typeof counts, signal: Signal): Promise<void> => {
    counts[way]++;
    if (counts[way] <= heard) return;
    heard = counts[way];
    if (heard > 1) {
      logger.warn({ signal }, 'second signal: exiting at once');
      return endNow(gateway, () => exit(128 + SIGNAL_NUMBER[signal]));
    }
    await drain(gateway, logger, exit, { signal });
  };
  for (const signal of SIGNALS) process.on(signal, () => void onSignal('direct', signal));
  keeper?.onStop((signal) => void onSignal('passedOn', signal));
  keeper?.onGone(() => {
    if (heard === 0) void drain(gateway, logger, exit, { reason: 'the supervisor is gone' });
  });
}

async function drain(gateway: Gateway, logger: Logger, exit: Exit, why: object): Promise<void> {
  logger.info(why, 'draining');
  const { callsCut, workersLeft } = await gateway.stop();
  logger.info({ callsCut, workersLeft }, 'stopped');
  if (workersLeft > 0)
    logger.error({ workersLeft }, 'a worker is wedged inside a run: the process is killed');
  endNow(gateway, () => exit(0));
}

/** What nobody caught: the server is in an unknown state, but its calls are not to blame. */
function onBugs(gateway: Gateway, logger: Logger, exit: Exit): void {
  process.on('unhandledRejection', (err) =>
    logger.error({ err }, 'a promise was rejected and nobody cared: a bug'),
  );
  process.on('uncaughtException', (err) => {
    logger.error({ err }, 'an exception that nobody caught: a bug; draining');
    void gateway.stop().then(() => endNow(gateway, () => exit(EXIT_FAILED)));
  });
}

/** `process.exit` with a thread inside a run aborts or hangs; then only a kill is sure. */
function endNow(gateway: Gateway, exit: () => Promise<never>): void {
  // A slot that is stopped may still have its run; a worker that was given up is in one.
  const busy = gateway.pool.status().some(({ outstanding, wedged }) => outstanding > 0 || wedged);
  if (busy) process.kill(process.pid, 'SIGKILL');
  void exit();
}

function fail(thrown: unknown): never {
  const configFault =
    thrown instanceof ConfigError ||
    (thrown instanceof GatewayError && thrown.code === 'FAILED_PRECONDITION');
  const text = configFault ? thrown.message : thrown instanceof Error ? thrown.stack : String(thrown);
  process.stderr.write(`sluice: ${text}\n`);
  return process.exit(configFault ? EXIT_CONFIG : EXIT_FAILED);
}
