/** A generator process: gets its part of a plan over IPC, runs it, and sends back what it found. Started by run-load.ts. */
import { Driver } from './load/driver.js';
import type { FromGenerator, ToGenerator } from './load/messages.js';

const PROGRESS_EVERY_MS = 250;

function send(message: FromGenerator, then?: () => void): void {
  process.send?.(message, undefined, undefined, () => then?.());
}

let driver: Driver | undefined;
let wantsProgress = false;

process.on('message', (message: ToGenerator) => {
  if (message.kind === 'plan') {
    driver = new Driver(message.plan, message.index);
    wantsProgress = message.progress;
    driver.connect().then(
      () => send({ kind: 'ready' }),
      (error: Error) => send({ kind: 'unreachable', reason: error.message }, () => process.exit(0)),
    );
  } else if (driver !== undefined) void run(driver, message.atMs);
});

async function run(running: Driver, atMs: number): Promise<void> {
  const timer = wantsProgress
    ? setInterval(() => send({ kind: 'progress', progress: running.progress() }), PROGRESS_EVERY_MS)
    : undefined;
  const result = await running.run(atMs);
  clearInterval(timer);
  send({ kind: 'result', result }, () => process.exit(0));
}

// A signal from a terminal goes to the whole group: what it means is for the parent to say. Without a parent there is nothing to do.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(1));
