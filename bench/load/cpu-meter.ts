import { monotonicMs } from '../clock.js';

/** CPU time of this process, all its threads, as a share of the time that passed. */
export class CpuMeter {
  #cpuUs = 0;
  #fromMs = 0;
  #idleMs = 0;
  #busy = 0;

  /** @param idleMs CPU time spent on nothing so far, which is not to count. */
  begin(idleMs: number): void {
    this.#cpuUs = cpuUs();
    this.#fromMs = monotonicMs();
    this.#idleMs = idleMs;
  }

  end(idleMs: number): void {
    const wallMs = monotonicMs() - this.#fromMs;
    const busyMs = (cpuUs() - this.#cpuUs) / 1e3 - (idleMs - this.#idleMs);
    this.#busy = this.#fromMs === 0 || wallMs <= 0 ? 0 : Math.max(0, busyMs / wallMs);
  }

  /** Between `begin` and `end`; 0 when nothing was measured. */
  get busy(): number {
    return this.#busy;
  }
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
