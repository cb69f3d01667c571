/** The thread behind an Alarm: sleeps until the instant that is set, then says so. Started by alarm.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicMs } from '../clock.js';
import { alarmFields } from './alarm-fields.js';

const { setting, atMs } = alarmFields(workerData as SharedArrayBuffer);

for (;;) {
  const current = Atomics.load(setting, 0);
  const leftMs = (atMs[0] as number) - monotonicMs();
  // Woken or not even asleep: it was set anew, before or after the instant was read.
  if (leftMs > 0 && Atomics.wait(setting, 0, current, leftMs) !== 'timed-out') continue;
  parentPort?.postMessage(current);
  Atomics.wait(setting, 0, current);
}
