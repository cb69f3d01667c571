import { readdirSync, readFileSync } from 'node:fs';

/** What Linux says of a process: the CPU time of its threads, its memory. */

/** CPU milliseconds of each living thread of a process, by thread id; the main thread's id is the process's. */
export type ThreadTimes = ReadonlyMap<number, number>;

/** Reads all threads' CPU times, to the nanosecond where the kernel tells (`schedstat`), else to a tick of 10 ms. */
export function threadTimes(pid: number): ThreadTimes {
  const times = new Map<number, number>();
  for (const name of readdirSync(`/proc/${pid}/task`)) {
    try {
      times.set(Number(name), threadMs(`/proc/${pid}/task/${name}`));
    } catch {
      // It has ended between the two readings.
    }
  }
  return times;
}

function threadMs(folder: string): number {
  const onCpu = Number(readIfThere(`${folder}/schedstat`)?.split(' ')[0]);
  return onCpu > 0 ? onCpu / 1e6 : ticksMs(readFileSync(`${folder}/stat`, 'utf8'));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** utime + stime of a `stat` line, proc_pid_stat(5): its fields 14 and 15, counted after the name in parentheses. */
export function ticksMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** What the threads of a process have used between two readings. A thread that was born meanwhile counts whole. */
export function usedMs(before: ThreadTimes, after: ThreadTimes): ThreadTimes {
  return new Map([...after].map(([id, ms]) => [id, ms - (before.get(id) ?? 0)]));
}

export function totalMs(used: ThreadTimes): number {
  return [...used.values()].reduce((sum, ms) => sum + ms, 0);
}

/** The sum over the `count` busiest threads that are not the main one: the workers, under load. */
export function busiestMs(used: ThreadTimes, pid: number, count: number): number {
  const others = [...used].filter(([id]) => id !== pid).map(([, ms]) => ms);
  return others
    .sort((a, b) => b - a)
    .slice(0, count)
    .reduce((sum, ms) => sum + ms, 0);
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
