import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

/** What the process may use: what its container is given, not what the hardware has. */
export interface Machine {
  /** Whole cores, at least 1. */
  readonly cores: number;
  /** What limits them, e.g. `cgroup v2 cpu.max 150000/100000 at /sys/fs/cgroup/pod1`. */
  readonly coresSource: string;
  readonly memoryBytes: number;
  readonly memorySource: string;
  /** How its files are read, of those who look at it while the server runs. @default as those of this machine */
  readonly readFile?: MachineFacts['readFile'];
}

/** What is read to find out. */
export interface MachineFacts {
  /** Text of a small file under /proc or /sys; undefined when it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
  /** Processors this process may run on; Node's availableParallelism() honours affinity, but no quota. */
  readonly availableParallelism: number;
  readonly totalMemoryBytes: number;
}

/** The facts of the machine that this runs on. */
export function systemFacts(): MachineFacts {
  return {
    readFile(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    availableParallelism: availableParallelism(),
    totalMemoryBytes: totalmem(),
  };
}

interface Limit {
  readonly amount: number;
  readonly source: string;
}

/** A directory of the cgroup tree that holds this process or one above it, nearest first. */
type Chain = readonly string[];

/** `memory.limit_in_bytes` of v1 is the largest multiple of a page when nothing limits. */
const V1_NO_LIMIT = 2 ** 62;

/**
 * Cores = min(affinity, cpuset, every CPU quota from the process's cgroup up to the root), rounded down, at least 1;
 * memory = the least memory limit on the same way, else the total. cgroup v2, v1 and both at once (hybrid) are
 * understood (kernel documentation: admin-guide/cgroup-v2 and cgroup-v1); without cgroups affinity and total hold.
 */
export function detectMachine(facts: MachineFacts): Machine {
  const chains = findChains(facts.readFile);
  const cores: Limit[] = [
    { amount: facts.availableParallelism, source: `${facts.availableParallelism} processors by affinity` },
    ...cpusetLimits(facts.readFile, chains),
    ...chains.v2.flatMap((dir) => v2Quota(facts.readFile, dir)),
    ...chains.v1Cpu.flatMap((dir) => v1Quota(facts.readFile, dir)),
  ];
  const memory: Limit[] = [
    { amount: facts.totalMemoryBytes, source: 'total memory' },
    ...chains.v2.flatMap((dir) => memoryLimit(facts.readFile, dir, 'v2', 'memory.max')),
    ...chains.v1Memory.flatMap((dir) => memoryLimit(facts.readFile, dir, 'v1', 'memory.limit_in_bytes')),
  ];
  const core = least(cores);
  const byte = least(memory);
  return {
    cores: Math.max(1, Math.floor(core.amount)),
    coresSource: core.source,
    memoryBytes: byte.amount,
    memorySource: byte.source,
    readFile: facts.readFile,
  };
}

function least(limits: readonly Limit[]): Limit {
  return limits.reduce((best, limit) => (limit.amount < best.amount ? limit : best));
}

interface Chains {
  readonly v2: Chain;
  readonly v1Cpu: Chain;
  readonly v1Memory: Chain;
  readonly v1Cpuset: Chain;
}

interface Mount {
  readonly point: string;
  /** Directory of the hierarchy that is mounted there: not `/` in a container without a cgroup namespace. */
  readonly root: string;
}

/** Where the cgroups of this process are, by hierarchy. */
export function findChains(read: MachineFacts['readFile']): Chains {
  const mounts = findMounts(read('/proc/self/mountinfo'));
  const paths = new Map<string, string>();
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers.split(',')) paths.set(controller, path);
  }
  const chain = (controller: string, fallback: string): Chain => {
    const path = paths.get(controller);
    return path === undefined ? [] : walkUp(mounts.get(controller) ?? { point: fallback, root: '/' }, path);
  };
  return {
    v2: chain('', '/sys/fs/cgroup'),
    v1Cpu: chain('cpu', '/sys/fs/cgroup/cpu'),
    v1Memory: chain('memory', '/sys/fs/cgroup/memory'),
    v1Cpuset: chain('cpuset', '/sys/fs/cgroup/cpuset'),
  };
}

/** Mounts of cgroup hierarchies by controller, `''` for v2 (proc_pid_mountinfo(5)). */
function findMounts(mountinfo: string | undefined): Map<string, Mount> {
  const mounts = new Map<string, Mount>();
  for (const line of (mountinfo ?? '').split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, point] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || point === undefined) continue;
    const mount = { root, point };
    if (type === 'cgroup2' && !mounts.has('')) mounts.set('', mount);
    if (type === 'cgroup') {
      for (const option of options.split(',')) if (!mounts.has(option)) mounts.set(option, mount);
    }
  }
  return mounts;
}

/** The process's directory under the mount and every one above it, up to the mount point. */
function walkUp({ point, root }: Mount, path: string): Chain {
  // In a container the path may name directories that are not mounted, or start with `/..`: then the mount is all.
  const below = root === '/' ? path : path.startsWith(`${root}/`) ? path.slice(root.length) : '';
  const parts = below.split('/').filter((part) => part !== '');
  if (parts.includes('..')) return [point];
  return Array.from({ length: parts.length + 1 }, (_, up) =>
    [point, ...parts.slice(0, parts.length - up)].join('/'),
  );
}

function v2Quota(read: MachineFacts['readFile'], dir: string): Limit[] {
  const [quota, period = '100000'] = (read(`${dir}/cpu.max`) ?? '').trim().split(/\s+/);
  return quotaLimit(Number(quota), Number(period), `cgroup v2 cpu.max ${quota}/${period} at ${dir}`);
}

function v1Quota(read: MachineFacts['readFile'], dir: string): Limit[] {
  const quota = Number(read(`${dir}/cpu.cfs_quota_us`) ?? -1);
  const period = Number(read(`${dir}/cpu.cfs_period_us`) ?? 100_000);
  return quotaLimit(quota, period, `cgroup v1 cpu.cfs_quota_us ${quota}/${period} at ${dir}`);
}

/** `max` reads as NaN and -1 as negative: no limit. */
function quotaLimit(quota: number, period: number, source: string): Limit[] {
  return quota > 0 && period > 0 ? [{ amount: quota / period, source }] : [];
}

/** The kernel has already intersected the effective set with those above it. */
function cpusetLimits(read: MachineFacts['readFile'], chains: Chains): Limit[] {
  const places = [
    ...chains.v2.slice(0, 1).map((dir) => [dir, 'v2', 'cpuset.cpus.effective'] as const),
    ...chains.v1Cpuset.slice(0, 1).map((dir) => [dir, 'v1', 'cpuset.effective_cpus'] as const),
  ];
  return places.flatMap(([dir, version, file]) => {
    const text = read(`${dir}/${file}`)?.trim() ?? '';
    const amount = countCpus(text);
    return amount > 0 ? [{ amount, source: `cgroup ${version} ${file} ${text} at ${dir}` }] : [];
  });
}

/** Counts a list such as `0-3,8`; 0 when it is none. */
function countCpus(list: string): number {
  let count = 0;
  for (const range of list.split(',')) {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (from === undefined) return 0;
    count += Number(to) - Number(from) + 1;
  }
  return count;
}

function memoryLimit(
  read: MachineFacts['readFile'],
  dir: string,
  version: 'v1' | 'v2',
  file: string,
): Limit[] {
  const amount = Number.parseInt(read(`${dir}/${file}`) ?? '', 10);
  if (!(amount > 0 && amount < V1_NO_LIMIT)) return [];
  return [{ amount, source: `cgroup ${version} ${file} ${amount} at ${dir}` }];
}
