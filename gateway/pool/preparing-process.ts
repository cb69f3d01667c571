import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The one shell that every Unix has; an image without any has no hard limit. */
const SHELL = '/bin/sh';
const MIB = 1024 * 1024;

/**
 * Starts a child that the kernel holds to a limit of its memory.
 *
 * The limit that counts is what is seen resident, by a look every few milliseconds; this one is for what grows faster than
 * that, or while nobody can look. `ulimit -d` (RLIMIT_DATA, which since Linux 4.7 counts every private writable page) is the
 * one that fits: `-v` counts the gigabyte of addresses that V8 reserves, `-m` is heeded by no kernel, and a cgroup is not
 * ours to make. Pages that are asked for and never touched count, too: hence the half and the 256 MiB on top.
 */
export function forkLimited(modulePath: string, maxBytes: number, options: ForkOptions): ChildProcess {
  if (maxBytes === Number.POSITIVE_INFINITY || process.platform !== 'linux' || !existsSync(SHELL))
    return fork(modulePath, [], options);
  const hardKib = Math.ceil((maxBytes * 1.5 + 256 * MIB) / 1024);
  // The shell becomes the process, under the same pid, with the same channel. A limit that is lower already stays.
  const script = `ulimit -d ${hardKib} 2>/dev/null; exec "$0" "$@"`;
  return fork(modulePath, [], {
    ...options,
    execPath: SHELL,
    execArgv: ['-c', script, process.execPath, ...(options.execArgv ?? [])],
  });
}
