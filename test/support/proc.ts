/** What Linux tells of processes. */
import { readdirSync, readFileSync } from 'node:fs';

/** Processes whose parent is `pid`, with their command lines, words joined by spaces. */
export function childrenOf(pid: number): { readonly pid: number; readonly command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    // The name of the program is in brackets and may hold anything; behind it come the state and the parent.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (parent === String(pid))
      found.push({ pid: Number(name), command: read(`/proc/${name}/cmdline`).replaceAll('\0', ' ') });
  }
  return found;
}

/** Threads of this process and its open files, sockets included. */
export function ownThreadsAndFiles(): { readonly threads: number; readonly files: number } {
  return {
    threads: readdirSync('/proc/self/task').length,
    // One of them is the listing itself.
    files: readdirSync('/proc/self/fd').length - 1,
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
