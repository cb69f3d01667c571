import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectMachine, systemFacts } from '../../../gateway/config/machine.js';

const GIB = 1024 ** 3;
const V2_MOUNT = '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n';
const V1_MOUNTS =
  '31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n' +
  '32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n' +
  '33 23 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n';
const V1_CGROUP = '4:memory:/pod\n3:cpuset:/pod\n2:cpu,cpuacct:/pod\n';
const CPU = '/sys/fs/cgroup/cpu,cpuacct';

interface Row {
  readonly says: string;
  readonly files: Readonly<Record<string, string>>;
  readonly cores: number;
  readonly source: string;
  readonly memoryBytes?: number;
}

/** The machine below has 8 processors and 16 GiB. */
const ROWS: readonly Row[] = [
  {
    says: 'no /proc and no cgroups: affinity holds',
    files: {},
    cores: 8,
    source: '8 processors by affinity',
  },
  {
    says: 'v2 in a container with its own cgroup namespace, 1.5 cores: rounded down',
    files: {
      '/proc/self/cgroup': '0::/\n',
      '/proc/self/mountinfo': V2_MOUNT,
      '/sys/fs/cgroup/cpu.max': '150000 100000\n',
      '/sys/fs/cgroup/memory.max': `${2 * GIB}\n`,
    },
    cores: 1,
    source: 'cgroup v2 cpu.max 150000/100000 at /sys/fs/cgroup',
    memoryBytes: 2 * GIB,
  },
  {
    says: 'v2 with 1.25 cores',
    files: { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '125000 100000\n' },
    cores: 1,
    source: 'cgroup v2 cpu.max 125000/100000 at /sys/fs/cgroup',
  },
  {
    says: 'v2 with half a core: one worker still',
    files: { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' },
    cores: 1,
    source: 'cgroup v2 cpu.max 50000/100000 at /sys/fs/cgroup',
  },
  {
    says: 'v2 without a limit',
    files: {
      '/proc/self/cgroup': '0::/a\n',
      '/sys/fs/cgroup/a/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/a/memory.max': 'max\n',
    },
    cores: 8,
    source: '8 processors by affinity',
  },
  {
    says: 'v2 nested: the least limit on the way to the root holds, also where the own group has none',
    files: {
      '/proc/self/cgroup': '0::/kubepods/pod1/container1\n',
      '/proc/self/mountinfo': V2_MOUNT,
      '/sys/fs/cgroup/kubepods/pod1/container1/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/kubepods/pod1/cpu.max': '300000 100000\n',
      '/sys/fs/cgroup/kubepods/cpu.max': '700000 100000\n',
      '/sys/fs/cgroup/kubepods/pod1/container1/memory.max': `${8 * GIB}\n`,
      '/sys/fs/cgroup/kubepods/memory.max': `${4 * GIB}\n`,
    },
    cores: 3,
    source: 'cgroup v2 cpu.max 300000/100000 at /sys/fs/cgroup/kubepods/pod1',
    memoryBytes: 4 * GIB,
  },
  {
    says: 'v2 mounted elsewhere',
    files: {
      '/proc/self/cgroup': '0::/x\n',
      '/proc/self/mountinfo': '30 23 0:26 / /mnt/cg rw shared:4 - cgroup2 none rw\n',
      '/mnt/cg/x/cpu.max': '200000 100000\n',
    },
    cores: 2,
    source: 'cgroup v2 cpu.max 200000/100000 at /mnt/cg/x',
  },
  {
    says: 'v2 in a container without a cgroup namespace: the mount shows the own group as its root',
    files: {
      '/proc/self/cgroup': '0::/docker/abc/inner\n',
      '/proc/self/mountinfo': '30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n',
      '/sys/fs/cgroup/cpu.max': '400000 100000\n',
      '/sys/fs/cgroup/inner/cpu.max': '200000 100000\n',
    },
    cores: 2,
    source: 'cgroup v2 cpu.max 200000/100000 at /sys/fs/cgroup/inner',
  },
  {
    says: 'a path outside of the namespace is read at the mount',
    files: { '/proc/self/cgroup': '0::/../other\n', '/sys/fs/cgroup/cpu.max': '200000 100000\n' },
    cores: 2,
    source: 'cgroup v2 cpu.max 200000/100000 at /sys/fs/cgroup',
  },
  {
    says: 'v2 cpuset',
    files: { '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/cpuset.cpus.effective': '0-2,5\n' },
    cores: 4,
    source: 'cgroup v2 cpuset.cpus.effective 0-2,5 at /sys/fs/cgroup/a',
  },
  {
    says: 'v1 quota and memory',
    files: {
      '/proc/self/cgroup': V1_CGROUP,
      '/proc/self/mountinfo': V1_MOUNTS,
      [`${CPU}/pod/cpu.cfs_quota_us`]: '250000\n',
      [`${CPU}/pod/cpu.cfs_period_us`]: '50000\n',
      '/sys/fs/cgroup/memory/pod/memory.limit_in_bytes': `${GIB}\n`,
    },
    cores: 5,
    source: `cgroup v1 cpu.cfs_quota_us 250000/50000 at ${CPU}/pod`,
    memoryBytes: GIB,
  },
  {
    says: 'v1 without limits: -1, and a memory limit beyond all memory',
    files: {
      '/proc/self/cgroup': V1_CGROUP,
      '/proc/self/mountinfo': V1_MOUNTS,
      [`${CPU}/pod/cpu.cfs_quota_us`]: '-1\n',
      [`${CPU}/pod/cpu.cfs_period_us`]: '100000\n',
      '/sys/fs/cgroup/memory/pod/memory.limit_in_bytes': '9223372036854771712\n',
    },
    cores: 8,
    source: '8 processors by affinity',
  },
  {
    says: 'v1 nested: the quota of the group above',
    files: {
      '/proc/self/cgroup': '2:cpu,cpuacct:/a/b\n',
      '/proc/self/mountinfo': V1_MOUNTS,
      [`${CPU}/a/b/cpu.cfs_quota_us`]: '-1\n',
      [`${CPU}/a/cpu.cfs_quota_us`]: '200000\n',
      [`${CPU}/a/cpu.cfs_period_us`]: '100000\n',
    },
    cores: 2,
    source: `cgroup v1 cpu.cfs_quota_us 200000/100000 at ${CPU}/a`,
  },
  {
    says: 'v1 cpuset',
    files: {
      '/proc/self/cgroup': V1_CGROUP,
      '/proc/self/mountinfo': V1_MOUNTS,
      '/sys/fs/cgroup/cpuset/pod/cpuset.effective_cpus': '7\n',
    },
    cores: 1,
    source: 'cgroup v1 cpuset.effective_cpus 7 at /sys/fs/cgroup/cpuset/pod',
  },
  {
    says: 'hybrid: v2 is there for bookkeeping, v1 limits',
    files: {
      '/proc/self/cgroup': `${V1_CGROUP}0::/pod\n`,
      '/proc/self/mountinfo': `${V1_MOUNTS}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n`,
      [`${CPU}/pod/cpu.cfs_quota_us`]: '300000\n',
      [`${CPU}/pod/cpu.cfs_period_us`]: '100000\n',
    },
    cores: 3,
    source: `cgroup v1 cpu.cfs_quota_us 300000/100000 at ${CPU}/pod`,
  },
  {
    says: 'a quota above the affinity changes nothing',
    files: { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '6400000 100000\n' },
    cores: 8,
    source: '8 processors by affinity',
  },
  {
    says: 'nonsense in the files is no limit',
    files: {
      '/proc/self/cgroup': 'what\n0::/\n',
      '/proc/self/mountinfo': 'x\n\n- -\n',
      '/sys/fs/cgroup/cpu.max': 'many few\n',
      '/sys/fs/cgroup/memory.max': '0\n',
      '/sys/fs/cgroup/cpuset.cpus.effective': 'all\n',
    },
    cores: 8,
    source: '8 processors by affinity',
  },
];

for (const { says, files, cores, source, memoryBytes } of ROWS) {
  test(`machine: ${says}`, () => {
    const machine = detectMachine({
      readFile: (path) => files[path],
      availableParallelism: 8,
      totalMemoryBytes: 16 * GIB,
    });
    assert.equal(machine.cores, cores);
    assert.equal(machine.coresSource, source);
    assert.equal(machine.memoryBytes, memoryBytes ?? 16 * GIB);
    assert.equal(machine.memorySource === 'total memory', memoryBytes === undefined, machine.memorySource);
  });
}

test('the machine that runs this has at least one core and some memory', () => {
  const machine = detectMachine(systemFacts());
  assert.ok(Number.isInteger(machine.cores) && machine.cores >= 1);
  assert.ok(machine.memoryBytes > 64 * 1024 * 1024);
});
