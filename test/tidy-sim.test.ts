/**
 * The simulation proves something of the gateway only while it runs the gateway's own scheduler: nothing of it may decide what waits,
 * what runs together, when and where. A rule that is broken is mended in the simulation, not here.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { poisson } from './support/sim/arrivals.js';
import { begin } from './support/sim/load.js';
import { simModel } from './support/sim/models.js';
import { World } from './support/sim/world.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const WORLD = 'test/support/sim/world.ts';
const GATEWAY = 'gateway/crew.ts';
const BUILD_POOL = 'gateway/build-pool.ts';

/** What decides in the gateway, and where it lives. */
const DECIDERS = {
  Batcher: 'gateway/batching/batcher.ts',
  Pool: 'gateway/pool/pool.ts',
  Dispatcher: 'gateway/pool/dispatcher.ts',
} as const;

/** What may be known of the gateway beside its core. */
const MAY_IMPORT: readonly string[] = [...Object.values(DECIDERS), 'gateway/batching/batcher-options.ts'];

/** What only somebody needs who keeps, orders or hands out work, and the files that have another use for it. */
const FORBIDDEN: readonly { readonly pattern: RegExp; readonly why: string; readonly except?: string }[] = [
  {
    pattern: /\bonWork\b|\bonFree\b|\blatestDeadline\b/,
    why: 'stands between the batcher, the dispatcher and the pool',
  },
  { pattern: /\b(?:take|gather|complete|canRun)\s*\(/, why: 'takes or hands out batches' },
  { pattern: /\b(?:WorkSource|Batch|ModelHost|Slot)\b/, why: 'knows the seam behind the batcher' },
  { pattern: /\bimplements\s+(?!Clock\b|Channel\b)/, why: 'implements more than time and workers' },
  {
    pattern: /\bclass\s+\w+\s+extends\b|\.prototype\b|defineProperty/,
    why: 'changes a class of the gateway',
  },
  {
    pattern: /\b(?:class|function|const|let)\s+#?\w*(?:queue|dispatch|polic|backlog|batcher|lane)\w*/i,
    why: 'names something of its own after what the gateway has',
  },
  { pattern: /\.(?:shift|unshift|splice)\(/, why: 'takes something out of a list in some order' },
  { pattern: /\.(?:sort|toSorted)\(/, why: 'puts something in order', except: 'test/support/sim/tally.ts' },
  {
    pattern: /\.pop\(/,
    why: 'takes something out of a list in some order',
    except: 'test/support/sim/clock.ts',
  },
];

interface Source {
  readonly path: string;
  readonly text: string;
}

function sources(): Source[] {
  return ['test/sim', 'test/support/sim'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(`${folder}/${name.replaceAll('\\', '/')}`)),
  );
}

function read(path: string): Source {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

/** Without comments and the words of texts: prose may speak of queues. */
function code(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

function importsOf({ path, text }: Source): string[] {
  return [...text.matchAll(/from\s+'(\.[^']+)'/g)].map(([, specifier]) =>
    relative(root, resolve(root, dirname(path), specifier as string))
      .replaceAll('\\', '/')
      .replace(/\.js$/, '.ts'),
  );
}

function broken(source: Source): string[] {
  const found: string[] = [];
  const text = code(source.text);
  for (const { pattern, why, except } of FORBIDDEN)
    if (source.path !== except && pattern.test(text))
      found.push(`${source.path} ${why}: ${pattern.exec(text)?.[0]}`);
  for (const path of importsOf(source)) {
    const ofGateway = /^gateway\/(?!core\/)/.test(path);
    if (path === 'gateway/core/batch.ts' || (ofGateway && !MAY_IMPORT.includes(path)))
      found.push(`${source.path} imports ${path}`);
  }
  for (const name of Object.keys(DECIDERS))
    if (source.path !== WORLD && text.includes(`new ${name}(`)) found.push(`${source.path} makes a ${name}`);
  return found;
}

/** Names of the options that a file makes a class with. */
function optionsOf(text: string, name: string): string[] {
  const start = text.indexOf(`new ${name}({`);
  assert.notEqual(start, -1, `no ${name} is made`);
  assert.equal(text.indexOf(`new ${name}({`, start + 1), -1, `one ${name} is made`);
  const lines = text.slice(start).split('\n').slice(1);
  const indent = /^ */.exec(lines[0] as string)?.[0].length as number;
  const end = lines.findIndex((line) => line.search(/\S/) < indent);
  const names = lines
    .slice(0, end)
    .filter((line) => line.search(/\S/) === indent)
    .flatMap((line) => /^ *(\w+)\b/.exec(line)?.[1] ?? []);
  assert.ok(names.includes('clock'), `the options of ${name} can be read`);
  return names;
}

test('nothing of the simulation keeps, orders or hands out work', () => {
  assert.deepEqual(sources().flatMap(broken), []);
});

test('it makes the very classes that the gateway makes, with every option that the gateway gives', () => {
  const ours = read(WORLD);
  for (const [name, home] of Object.entries(DECIDERS)) {
    const theirs = read(name === 'Pool' ? BUILD_POOL : GATEWAY);
    for (const source of [ours, theirs])
      assert.ok(importsOf(source).includes(home), `${source.path} imports ${home}`);
    const given = optionsOf(ours.text, name);
    // The scheduler's switches come from the scenarios, and nothing hangs there and no worker is spare.
    const missing = optionsOf(theirs.text, name).filter(
      (option) =>
        !given.includes(option) && option !== 'scheduler' && option !== 'hang' && option !== 'spares',
    );
    assert.deepEqual(missing, [], `options of ${name} that the simulation leaves out`);
  }
});

test('between a request and the worker that runs it there is nothing of the simulation', async () => {
  const model = simModel('waiting', { fixedMs: 20, perRowMs: 2 });
  const world = await new World({ models: [model] }).start();
  const strangers = new Set<string>();
  const seen = new Set<string>();
  world.workers.onRun = () => {
    Error.stackTraceLimit = 50;
    for (const [, path] of (new Error().stack ?? '').matchAll(/^ +at (?!async ).*\/dist\/([^:)]+)\.js:/gm)) {
      seen.add(path as string);
      const fair = /^gateway\/|^test\/support\/sim\/(?:clock|workers)$|^test\/tidy-sim/.test(path as string);
      if (!fair) strangers.add(path as string);
    }
  };
  const arrivals = poisson(world.random, 2000);
  begin(world, { model, arrivals, deadlineMs: () => 300, lastsMs: 1000 });
  await world.clock.run(1000);
  world.submit({ model });
  assert.ok(world.batcher.stats().entries > 0, 'a request is with the batcher at once');
  await world.windUp();
  assert.deepEqual([...strangers], []);
  for (const home of ['gateway/pool/dispatcher', 'gateway/pool/slot'])
    assert.ok(seen.has(home), `${home} sends`);
});

test('the rules themselves see what they forbid', () => {
  const planted: Readonly<Record<string, string>> = {
    source: "import type { X } from '../../gateway/core/batch.js';",
    policy: "import { judge } from '../../gateway/batching/batch-policy.js';",
    taker: 'const batch = world.batcher.take();',
    listener: 'world.batcher.onWork = () => {};',
    queue: 'class DeadlineQueue {}',
    list: 'const next = waiting.shift();',
    order: 'waiting.sort((a, b) => a.deadline - b.deadline);',
    heir: 'class Faster extends Batcher {}',
    second: 'const mine = new Dispatcher({});',
    source2: 'class Mine implements WorkSource {}',
  };
  for (const [name, text] of Object.entries(planted))
    assert.notDeepEqual(broken({ path: 'test/sim/planted.ts', text }), [], name);
  assert.deepEqual(broken({ path: 'test/sim/planted.ts', text: '// takes from the queue: take()\n' }), []);
});
