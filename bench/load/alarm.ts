import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { monotonicMs } from '../clock.js';
import { ALARM_BYTES, type AlarmFields, alarmFields } from './alarm-fields.js';
import type { PacerClock } from './pacer.js';

/**
 * The real clock, for a Pacer. The event loop's timers know whole milliseconds only; and to ask for the time again and again
 * until a call is due takes a core, which on a machine that has something else to do, the server at worst, is soon taken
 * away again, for longer than a timer is late. A thread that sleeps on a futex is woken within a tenth of a millisecond,
 * first in the queue for a core because it has used so little of one; it then wakes the event loop by a message.
 */
export class Alarm implements PacerClock {
  readonly #thread: Worker;
  readonly #fields: AlarmFields;
  #setting = 0;
  #fn: (() => void) | undefined;

  private constructor(memory: SharedArrayBuffer, thread: Worker) {
    this.#fields = alarmFields(memory);
    this.#thread = thread;
    thread.on('message', (setting: number) => {
      if (setting !== this.#setting) return;
      const fn = this.#fn;
      this.#fn = undefined;
      fn?.();
    });
  }

  /** Resolves when the thread is there, so that the first call is not late. The caller closes it. */
  static async start(): Promise<Alarm> {
    const memory = new SharedArrayBuffer(ALARM_BYTES);
    // It is due at once, and so says that it is there.
    const thread = new Worker(new URL('alarm-thread.js', import.meta.url), { workerData: memory });
    await once(thread, 'message');
    return new Alarm(memory, thread);
  }

  now(): number {
    return monotonicMs();
  }

  after(ms: number, fn: () => void): () => void {
    this.#fn = fn;
    this.#fields.atMs[0] = monotonicMs() + ms;
    this.#setting = (Atomics.add(this.#fields.setting, 0, 1) + 1) | 0;
    Atomics.notify(this.#fields.setting, 0);
    return () => {
      if (this.#fn === fn) this.#fn = undefined;
    };
  }

  soon(fn: () => void): () => void {
    const immediate = setImmediate(fn);
    return () => clearImmediate(immediate);
  }

  /** Nothing goes off any more. */
  async close(): Promise<void> {
    this.#fn = undefined;
    await this.#thread.terminate();
  }
}
