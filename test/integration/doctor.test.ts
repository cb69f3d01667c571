/** `sluice doctor`: eight incidents, each planted in a real server under load, and what it names first. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OIP_INFER } from '../../bench/targets/oip.js';
import { createClient } from '../../client/client.js';
import { detectMachine, systemFacts } from '../../gateway/config/machine.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { inferRaw } from '../support/infer-raw.js';
import { answerOf, frame, RawClient } from '../support/raw-grpc.js';
import { runHere } from '../support/run-cli.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';
import { useWaiting, waitingRow } from '../support/waiting-server.js';

const MODELS = { wait: { costMs: { fixed: 4 } } };
const ROW = { X: [[1, 2, 3, 4]] };

interface Diagnosis {
  readonly findings: readonly {
    readonly cause: string;
    readonly score: number;
    readonly evidence: readonly string[];
    readonly next: string;
    readonly followsFrom?: string;
  }[];
  readonly blind: readonly string[];
}

/** Plants an incident that lasts until the test ends; answers where to look. */
type Plant = (t: TestContext) => Promise<RunningGateway>;

/** Ends what `keepDoing` does. */
const ends: (() => Promise<void>)[] = [];

async function endLoads(): Promise<void> {
  await Promise.all(ends.splice(0).map((end) => end()));
}

/** A test whose loads end before its server does: one that drains is none that is looked at. */
function testUnderLoad(name: string, body: (t: TestContext) => Promise<void>): void {
  test(name, (t) => body(t).finally(endLoads));
}

/** Does something again and again, so many at once, until the test ends. What fails is meant to. */
function keepDoing(atOnce: number, pauseMs: number, work: () => Promise<unknown>): void {
  let ended = false;
  const lanes = Array.from({ length: atOnce }, async () => {
    while (!ended) {
      await (async () => work())().catch(() => {});
      await new Promise((r) => setTimeout(r, pauseMs));
    }
  });
  ends.push(async () => {
    ended = true;
    await Promise.all(lanes);
  });
}

function load(
  t: TestContext,
  running: RunningGateway,
  atOnce = 2,
  headers: Record<string, string> = {},
): void {
  const client = createClient({ address: running.address, maxAttempts: 1, deadlineMs: 3000 });
  t.after(() => client.close());
  const wait = client.model('wait');
  keepDoing(atOnce, 10, () => wait.predict(ROW, { headers }));
}

/** A directory that stands for /, with a container's cgroup in it whose CPU is taken away more and more. */
function throttledMachine(t: TestContext) {
  const root = makeRepository(t, {});
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write('/proc/self/cgroup', '0::/\n');
  write('/proc/self/mountinfo', '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n');
  write('/sys/fs/cgroup/cpu.max', '150000 100000\n');
  let periods = 1000;
  const tick = (): void => {
    periods += 5;
    const held = Math.round(periods * 0.6);
    write(
      '/sys/fs/cgroup/cpu.stat',
      `nr_periods ${periods}\nnr_throttled ${held}\nthrottled_usec ${held * 40_000}\n`,
    );
  };
  tick();
  const timer = setInterval(tick, 100);
  t.after(() => clearInterval(timer));
  const readFile = (path: string): string | undefined => {
    try {
      return readFileSync(join(root, path), 'utf8');
    } catch {
      return undefined;
    }
  };
  return detectMachine({ ...systemFacts(), readFile });
}

/** A new version that takes eight times as long as the one before, which is loaded, too. */
async function slowVersion(t: TestContext): Promise<RunningGateway> {
  const spec = (fixed: number) => Buffer.from(JSON.stringify({ costMs: { fixed } }));
  const repository = makeRepository(t, {
    'wait/config.pbtxt': Buffer.from('version_policy { all {} }'),
    'wait/1/model.wait.json': spec(5),
    'wait/2/model.wait.json': spec(40),
  });
  const workers = { count: 1, enableWaitingRuntime: true };
  const running = await useGateway(t, { modelRepository: [repository], workers });
  const client = createClient({ address: running.address });
  t.after(() => client.close());
  for (let i = 0; i < 5; i++) await client.model('wait', { version: 1 }).predict(ROW);
  load(t, running, 8);
  return running;
}

const INCIDENTS: readonly { readonly cause: string; readonly says: string; readonly plant: Plant }[] = [
  {
    cause: 'cpu_throttled',
    says: 'the kernel holds the container back',
    plant: async (t) => {
      const running = await useWaiting(t, MODELS, {}, { machine: throttledMachine(t) });
      load(t, running);
      return running;
    },
  },
  {
    cause: 'slow_version',
    says: 'a new version takes eight times as long',
    plant: slowVersion,
  },
  {
    cause: 'hot_caller',
    says: 'one caller sends most of what there is',
    plant: async (t) => {
      const settings = {
        workers: { count: 1 },
        queue: { maxQueueRows: 8 },
        callers: { metadataKey: 'x-caller' },
      };
      const models = { wait: { costMs: { fixed: 8 }, maxBatchSize: 1 } };
      const running = await useWaiting(t, models, settings);
      load(t, running, 16, { 'x-caller': 'nightly job' });
      load(t, running, 1, { 'x-caller': 'shop' });
      return running;
    },
  },
  {
    cause: 'workers_lost',
    says: 'workers die one after the other',
    plant: async (t) => {
      const running = await useWaiting(t, MODELS);
      load(t, running);
      const client = createClient({ address: running.address, maxAttempts: 1, deadlineMs: 2000 });
      t.after(() => client.close());
      keepDoing(1, 200, () =>
        client.model('wait').predict({ X: [[commandOf('exit'), 2, 3, Math.random()]] }),
      );
      return running;
    },
  },
  {
    cause: 'big_payloads',
    says: 'requests of 4 MB, more than there is room for',
    plant: async (t) => {
      const spec = {
        costMs: { fixed: 20 },
        inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 1_000_000] }],
      };
      const repository = makeRepository(t, { 'wait/1/model.wait.json': Buffer.from(JSON.stringify(spec)) });
      const running = await useGateway(t, {
        modelRepository: [repository],
        workers: { count: 1, enableWaitingRuntime: true },
        queue: { maxQueueBytes: 12_000_000 },
      });
      const client = new RawClient(running.grpcPort);
      t.after(() => client.close());
      const request = {
        modelName: 'wait',
        inputs: [{ name: 'X', datatype: 'FP32', shape: [1n, 1_000_000n] }],
        rawInputContents: [new Uint8Array(4_000_000)],
      };
      keepDoing(6, 20, () => inferRaw(client, request));
      return running;
    },
  },
  {
    cause: 'loop_stall',
    says: 'something in the main thread takes 200 ms again and again',
    plant: async (t) => {
      const running = await useWaiting(t, MODELS);
      load(t, running);
      let stalls = 0;
      const timer = setInterval(() => {
        const until = performance.now() + 200;
        while (performance.now() < until);
        stalls++;
      }, 300);
      t.after(() => clearInterval(timer));
      // The delays that are told of are those since the start, which may have taken seconds: one in a hundred is to be a stall.
      while (stalls < 6) await new Promise((r) => setTimeout(r, 10));
      return running;
    },
  },
  {
    cause: 'collector_down',
    says: 'nobody takes the traces',
    plant: async (t) => {
      const trace = { exporter: 'otlp' as const, protocol: 'grpc' as const, endpoint: 'http://127.0.0.1:9' };
      const limits = { exportDelayMs: 20, exportTimeoutMs: 100, maxQueueSpans: 50, flushMs: 100 };
      const running = await useWaiting(t, MODELS, { trace: { ...trace, ...limits } });
      load(t, running);
      return running;
    },
  },
  {
    cause: 'memory',
    says: 'the memory is nearly all used',
    plant: async (t) => {
      const memoryBytes = process.memoryUsage().rss * 1.04;
      const machine = { ...detectMachine(systemFacts()), memoryBytes };
      const running = await useWaiting(t, MODELS, { memoryLimitBytes: 2 ** 34 }, { machine });
      load(t, running);
      return running;
    },
  },
];

async function doctor({ httpPort, adminAddress }: RunningGateway, ...args: string[]) {
  const place = ['--metrics', `127.0.0.1:${httpPort}`, '--endpoint', adminAddress, '--over', '0.6'];
  return runHere(['doctor', ...place, ...args]);
}

/** What it says to type next is understood, and asks this server. */
async function tryNext(next: string, { adminAddress, httpPort }: RunningGateway): Promise<void> {
  const [program, ...args] = next.split(' ');
  if (program !== 'sluice' || next.includes('|')) return;
  assert.ok(next.includes(adminAddress) || next.includes(`127.0.0.1:${httpPort}`), next);
  const { code, stderr } = await runHere(args);
  // It may find nothing (1), but it is a command, and somebody answers.
  assert.ok(code === 0 || code === 1, `${next}: ${code} ${stderr}`);
}

const named: { readonly cause: string; readonly first: string; readonly all: string }[] = [];

for (const { cause, says, plant } of INCIDENTS)
  testUnderLoad(`planted: ${says}`, async (t) => {
    const running = await plant(t);
    await new Promise((r) => setTimeout(r, 300));
    const { code, stdout, stderr } = await doctor(running, '--json');
    assert.equal(stderr, '');
    const { findings, blind } = JSON.parse(stdout) as Diagnosis;
    const all = findings.map(
      (of) => `${of.cause} ${of.score}${of.followsFrom ? ` < ${of.followsFrom}` : ''}`,
    );
    t.diagnostic(all.join(', '));
    named.push({ cause, first: findings[0]?.cause ?? 'nothing', all: all.join(', ') });
    assert.deepEqual([code, blind], [1, []]);
    const found = findings.find((of) => of.cause === cause);
    assert.ok(found !== undefined, `${cause} is not among ${all.join(', ')}`);
    assert.ok(found.evidence.length > 0 && found.next !== '');
    await tryNext(found.next, running);
  });

test('of the eight incidents, the first cause is right in at least seven', () => {
  const wrong = named.filter(({ cause, first }) => cause !== first);
  assert.equal(named.length, 8);
  assert.ok(wrong.length <= 1, JSON.stringify(wrong, undefined, 1));
});

testUnderLoad('the command that it gives for a slow version cures it', async (t) => {
  const running = await slowVersion(t);
  const before = JSON.parse((await doctor(running, '--json')).stdout) as Diagnosis;
  const [slow] = before.findings;
  assert.match(String(slow?.next), /^sluice promote wait 1 --endpoint /);
  assert.equal((await runHere(String(slow?.next).split(' ').slice(1))).code, 0);
  // What was sent to the slow one has ended.
  await new Promise((r) => setTimeout(r, 300));
  const after = JSON.parse((await doctor(running, '--json')).stdout) as Diagnosis;
  // How busy workers are is told of five seconds, in which they were.
  assert.ok(!after.findings.some(({ cause }) => cause === 'slow_version'), JSON.stringify(after.findings));
});

testUnderLoad('without a name in the metadata, a hot caller is known by its address', async (t) => {
  const models = { wait: { costMs: { fixed: 8 }, maxBatchSize: 1 } };
  const running = await useWaiting(t, models, { workers: { count: 1 }, queue: { maxQueueRows: 8 } });
  load(t, running, 1);
  const session = connect(`http://127.0.0.1:${running.grpcPort}`, {
    createConnection: () =>
      createConnection({ port: running.grpcPort, host: '127.0.0.1', localAddress: '127.0.0.7' }),
  });
  session.on('error', () => {});
  t.after(() => session.destroy());
  const headers = {
    ':method': 'POST',
    ':path': OIP_INFER,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  keepDoing(16, 10, () => {
    const stream = session.request(headers);
    stream.end(frame(waitingRow('wait')));
    return answerOf(stream);
  });
  await new Promise((r) => setTimeout(r, 300));
  const { stdout } = await doctor(running);
  assert.match(stdout, /\n1\. Caller "address 127\.0\.0\.7" has \d+% of the (?:calls|rows)/);
});

testUnderLoad(
  'a server that is well: nothing stands out but what a busy machine may do to its loop, and in words',
  async (t) => {
    const running = await useWaiting(t, MODELS);
    load(t, running);
    const { findings } = JSON.parse((await doctor(running, '--json')).stdout) as Diagnosis;
    assert.deepEqual(
      findings.filter(({ cause }) => cause !== 'loop_stall'),
      [],
    );
    const { code, stdout } = await doctor(running);
    assert.match(
      stdout,
      /^sluice \S+ at 127\.0\.0\.1:\d+, over \d\.\d s: \d+(\.\d+)? requests\/s, 0 failed\/s, ready\n\n/,
    );
    assert.equal(code, stdout.includes('Nothing stands out.') ? 0 : 1);
  },
);

test('what it cannot look at it says; where nobody answers, 69', async (t) => {
  const running = await useWaiting(t, MODELS, { admin: { enabled: false } });
  const place = ['--metrics', `127.0.0.1:${running.httpPort}`, '--over', '0.2'];
  const blind = await runHere(['doctor', ...place, '--endpoint', '127.0.0.1:9', '--timeout', '1']);
  assert.match(blind.stdout, /\nNot looked at: who calls \(the admin listener 127\.0\.0\.1:9: UNAVAILABLE/);
  const nobody = await runHere(['doctor', '--metrics', '127.0.0.1:9']);
  assert.deepEqual([nobody.code, nobody.stdout], [69, '']);
  assert.match(nobody.stderr, /Cannot reach/);
});
