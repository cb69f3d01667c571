import { type ChildProcess, spawn } from 'node:child_process';
import { MARKER, type ProgressMessage, STOP_SIGNALS, type StopMessage, type StopSignal } from './messages.js';
import { exitCodeOf, MAX_RESTARTS, RestartPolicy, type ServerEnd, WINDOW_MS } from './restart-policy.js';

/** How long a server may take to go after a second signal, which asks it to do so at once. */
const SECOND_SIGNAL_MS = 2000;
const EXIT_GAVE_UP = 1;

/**
 * Runs the server in a child process, and anew after each crash, until it ends otherwise or crashes again and again. Takes no
 * port and loads nothing of the server, so that what kills the server does not kill it. Resolves to the exit code.
 */
export async function supervise(): Promise<number> {
  const supervisor = new Supervisor();
  const listeners = STOP_SIGNALS.map((signal): [StopSignal, () => void] => [
    signal,
    () => supervisor.stop(signal),
  ]);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  try {
    return await supervisor.run();
  } finally {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  }
}

class Supervisor {
  readonly #policy = new RestartPolicy();
  #child: ChildProcess | undefined;
  #stops = 0;
  #listened = false;
  /** Ends a pause between two servers. */
  #wake: (() => void) | undefined;

  async run(): Promise<number> {
    for (;;) {
      const end = await this.#runOnce();
      const decision = this.#policy.decide(end);
      const how = end.signal === null ? `with exit code ${end.code}` : `by ${end.signal}`;
      if (decision.kind === 'exit') return decision.code;
      if (decision.kind === 'give-up') {
        say(
          `the server ended ${how}, the ${MAX_RESTARTS + 1}th time within ${WINDOW_MS / 1000} s of service: giving up. ` +
            'What it last said is above; a model that crashes the server is best run with workers.isolation: process',
        );
        return EXIT_GAVE_UP;
      }
      const { delayMs } = decision;
      say(`the server ended ${how}: starting it again${delayMs > 0 ? ` in ${delayMs} ms` : ''}`);
      if (await this.#stoppedWithin(delayMs)) return exitCodeOf(end);
    }
  }

  /** A signal came: the server is told, or not started again. */
  stop(signal: StopSignal): void {
    this.#stops++;
    this.#wake?.();
    const child = this.#child;
    // One that has just ended cannot be told, and need not be.
    child?.send({ stop: signal } satisfies StopMessage, () => {});
    // One whose event loop is stuck does not hear what it is told.
    if (this.#stops > 1) setTimeout(() => child?.kill('SIGKILL'), SECOND_SIGNAL_MS).unref();
  }

  #runOnce(): Promise<ServerEnd> {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env: { ...process.env, [MARKER]: String(process.pid) },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    let servingSince: number | undefined;
    child.on('message', ({ progress }: ProgressMessage) => {
      if (progress === 'listening') this.#listened = true;
      else servingSince = performance.now();
    });
    return new Promise((resolve) => {
      const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#child = undefined;
        const servedMs = servingSince === undefined ? 0 : performance.now() - servingSince;
        resolve({ code, signal, stopAsked: this.#stops > 0, listened: this.#listened, servedMs });
      };
      child.once('exit', ended);
      child.on('error', (error) => {
        // Of a message that did not get through nothing follows.
        if (child.pid !== undefined) return;
        say(`the server's process cannot be started: ${error.message}`);
        ended(EXIT_GAVE_UP, null);
      });
    });
  }

  async #stoppedWithin(ms: number): Promise<boolean> {
    if (ms > 0 && this.#stops === 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    return this.#stops > 0;
  }
}

/** In words on a terminal, elsewhere as a line like the server's own log. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`sluice: ${text}\n`);
  else
    process.stderr.write(
      `${JSON.stringify({ level: 'error', time: new Date().toISOString(), msg: text })}\n`,
    );
}
