/**
 * The house rules as a test: who may import whom, how long files and functions may be, which globals live where.
 * A rule that is broken is mended in the code, not here.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

const SOURCE_FOLDERS = ['bench', 'bin', 'cli', 'client', 'gateway', 'worker', 'test'];

interface SourceFile {
  /** Path from the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(): SourceFile[] {
  return SOURCE_FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((path) => path.endsWith('.ts') && !path.includes('/gen/') && !path.includes('/.env/'))
      .map((path) => {
        const text = readFileSync(join(root, path), 'utf8');
        return { path, text, imports: importsOf(path, text) };
      }),
  );
}

/** Specifiers, relative ones resolved to a path from the root. `import type` counts too: it is knowledge. */
function importsOf(path: string, text: string): string[] {
  const found = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'/g)].map(
    (m) => m[1] as string,
  );
  found.push(...[...text.matchAll(/(?:^|\n)import\s+'([^']+)'/g)].map((m) => m[1] as string));
  found.push(...[...text.matchAll(/\bimport\('([^']+)'\)/g)].map((m) => m[1] as string));
  return found.map((specifier) =>
    specifier.startsWith('.')
      ? relative(root, resolve(root, dirname(path), specifier))
          .replaceAll('\\', '/')
          .replace(/\.js$/, '.ts')
      : specifier,
  );
}

/** The folder that a rule names: `gateway/pool`, `worker`, `cli`; single files of gateway/ stand for themselves. */
function homeOf(path: string): string {
  const parts = path.split('/');
  if (path === 'worker/protocol.ts') return 'worker/protocol';
  if (path === 'worker/frames.ts') return 'worker/frames';
  if (path.startsWith('worker/gen/')) return 'worker/gen';
  if (parts[0] !== 'gateway') return parts[0] as string;
  return parts.length === 2 ? path.replace(/\.ts$/, '') : `gateway/${parts[1]}`;
}

/** What each home may import beside itself and npm packages. What is absent is forbidden. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'gateway/core': [],
  // Generated from proto/: plain message types and their descriptors.
  'gateway/gen': [],
  'worker/protocol': [],
  // How those messages are written on a stream: both of its ends know it.
  'worker/frames': ['worker/protocol'],
  worker: ['worker/protocol', 'worker/frames', 'worker/gen', 'gateway/core'],
  'gateway/config': ['gateway/core'],
  'gateway/batching': ['gateway/core'],
  'gateway/repository': ['gateway/core', 'gateway/gen'],
  'gateway/telemetry': ['gateway/core'],
  'gateway/serving': ['gateway/core'],
  // What people call rows, and how it becomes tensors.
  'gateway/tabular': ['gateway/core'],
  'gateway/pool': ['gateway/core', 'worker/protocol', 'worker/frames'],
  'gateway/http2': ['gateway/core'],
  'gateway/grpc': ['gateway/core', 'gateway/gen', 'gateway/http2'],
  'gateway/http': ['gateway/core', 'gateway/gen', 'gateway/tabular'],
  'gateway/security': ['gateway/core'],
  'gateway/gateway': [
    'gateway/core',
    'gateway/config',
    'gateway/batching',
    'gateway/repository',
    'gateway/telemetry',
    'gateway/serving',
    'gateway/pool',
    'gateway/crews',
    'gateway/fronts',
    'gateway/repositories',
    'gateway/labels',
    'gateway/limits',
    'gateway/cache-directory',
    'gateway/exports',
    'gateway/server-readers',
  ],
  'gateway/server-readers': ['gateway/core', 'gateway/config', 'gateway/telemetry'],
  'gateway/exports': [
    'gateway/core',
    'gateway/config',
    'gateway/telemetry',
    'gateway/tracing',
    'gateway/metrics-export',
  ],
  'gateway/tracing': ['gateway/core', 'gateway/config', 'gateway/telemetry'],
  'gateway/metrics-export': ['gateway/core', 'gateway/config', 'gateway/telemetry'],
  'gateway/cache-directory': ['gateway/core'],
  'gateway/limits': ['gateway/core', 'gateway/config', 'gateway/pool', 'gateway/repository'],
  'gateway/labels': ['gateway/core', 'gateway/config', 'gateway/repository'],
  'gateway/crews': ['gateway/core', 'gateway/batching', 'gateway/pool', 'gateway/crew'],
  'gateway/crew': [
    'gateway/core',
    'gateway/config',
    'gateway/batching',
    'gateway/pool',
    'gateway/build-pool',
  ],
  'gateway/build-pool': ['gateway/core', 'gateway/config', 'gateway/pool'],
  'gateway/repositories': ['gateway/core', 'gateway/config', 'gateway/repository', 'gateway/model-lists'],
  'gateway/model-lists': ['gateway/core', 'gateway/config', 'gateway/repository'],
  'gateway/fronts': [
    'gateway/core',
    'gateway/config',
    'gateway/repository',
    'gateway/grpc',
    'gateway/http',
    'gateway/security',
  ],
  'gateway/main': [
    'gateway/core',
    'gateway/gateway',
    'gateway/fronts',
    'gateway/greeting',
    'gateway/config',
    'gateway/telemetry',
  ],
  'gateway/greeting': ['gateway/core', 'gateway/config', 'gateway/gateway', 'gateway/fronts'],
  client: [],
  // The format of ONNX files, to make models; the numbers of HTTP/2, to write frames; CSV.
  bench: ['client', 'worker/gen', 'gateway/http2', 'gateway/tabular'],
  // The nearest name to a mistyped one, and what bounds a file of golden answers.
  cli: [
    'client',
    'gateway/core',
    'gateway/tabular',
    'gateway/main',
    'gateway/gateway',
    'gateway/config',
    'bench',
  ],
};

/** Packages and the homes (or files) that may import them. */
const NPM_HOMES: Readonly<Record<string, readonly string[]>> = {
  '@grpc/': ['client', 'bench'],
  '@bufbuild/protobuf': [
    'gateway/grpc',
    'gateway/http',
    'gateway/repository',
    'worker/onnx-graph.ts',
    'worker/zip-map.ts',
    'bench/models',
  ],
  piscina: ['gateway/pool', 'worker/main.ts'],
  'onnxruntime-node': ['worker/onnx-runtime.ts', 'bench/side-by-side/bare-run.ts'],
  fastify: ['gateway/http', 'bench/side-by-side/fastify-echo.ts'],
  'prom-client': ['gateway/telemetry'],
  '@opentelemetry/': ['gateway/telemetry/tracing', 'gateway/telemetry/metrics-export'],
  pino: ['gateway/telemetry'],
  zod: ['gateway/config'],
  yaml: ['gateway/config'],
  commander: ['cli'],
};

/** Globals that have one home; in tests they are free. */
const GLOBAL_HOMES: readonly { readonly pattern: RegExp; readonly homes: readonly string[] }[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(|\bperformance\.now\(|\bhrtime\b/,
    homes: ['gateway/core/clock.ts', 'worker/', 'cli/', 'client/', 'bench/'],
  },
  {
    pattern: /\bset(?:Timeout|Interval)\(/,
    homes: ['gateway/core/clock.ts', 'worker/', 'cli/', 'client/', 'bench/'],
  },
  {
    pattern: /\bprocess\.env\b/,
    homes: ['gateway/config/load.ts', 'gateway/config/privacy.ts', 'cli/', 'bench/'],
  },
  {
    pattern: /\bprocess\.exit\(/,
    homes: ['gateway/main.ts', 'cli/', 'bench/', 'worker/prepare.ts', 'worker/waiting-faults.ts'],
  },
  { pattern: /\bconsole\./, homes: ['cli/', 'bench/'] },
];

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;

const files = sources();
const product = files.filter((file) => !file.path.startsWith('test/'));

test('each folder imports only what the import table allows', () => {
  const broken: string[] = [];
  for (const file of product) {
    const home = homeOf(file.path);
    const allowed = MAY_IMPORT[home];
    assert.ok(allowed, `${file.path}: the folder ${home} has no row in the import table`);
    for (const specifier of file.imports) {
      if (
        !specifier.includes('/') ||
        specifier.startsWith('node:') ||
        !/^(?:bench|bin|cli|client|gateway|worker|test)\//.test(specifier)
      )
        continue;
      const target = homeOf(specifier);
      if (target !== home && !allowed.includes(target)) broken.push(`${file.path} imports ${specifier}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('each npm package is imported only from its home', () => {
  const broken: string[] = [];
  for (const file of product) {
    for (const specifier of file.imports) {
      const rule = Object.entries(NPM_HOMES).find(
        ([name]) => specifier === name || specifier.startsWith(name),
      );
      if (rule && !rule[1].some((home) => file.path.startsWith(home)))
        broken.push(`${file.path} imports ${specifier}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('no import cycle', () => {
  const graph = new Map(
    product.map((file) => [file.path, file.imports.filter((name) => name.endsWith('.ts'))]),
  );
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(path), `cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
});

test('time, timers, environment, exit and console stay in their homes', () => {
  const broken: string[] = [];
  for (const file of product) {
    for (const [index, line] of file.text.split('\n').entries()) {
      if (/^\s*(?:\/\/|\*|\/\*)/.test(line)) continue;
      for (const { pattern, homes } of GLOBAL_HOMES) {
        if (pattern.test(line) && !homes.some((home) => file.path.startsWith(home)))
          broken.push(`${file.path}:${index + 1}: ${line.trim()}`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test(`no file over ${MAX_FILE_LINES} lines, and the median of the product's is at most 125`, () => {
  const lengths = files.map((file) => ({ path: file.path, lines: file.text.split('\n').length }));
  assert.deepEqual(
    lengths.filter(({ lines }) => lines > MAX_FILE_LINES),
    [],
  );
  const sorted = lengths
    .filter(({ path }) => !path.startsWith('test/'))
    .map(({ lines }) => lines)
    .sort((a, b) => a - b);
  assert.ok((sorted[sorted.length >> 1] as number) <= 125, `median ${sorted[sorted.length >> 1]}`);
});

const HEAD =
  /^(\s*)(?:export )?(?:default )?(?:(?:static|override|readonly) )*(?:async )?(?:function\b|constructor\(|(?:get |set )?#?\w+(?:<[^(]*>)?\(|(?:const |readonly )?#?\w+(?:: [^=]+)? = (?:async )?(?:\(|\w+ =>))/;
const STATEMENT = /^\s*(?:if|for|while|switch|catch|return|await|void|throw|test|assert)\b/;

/** The line on which the body of a function opens whose head begins on line `start`; -1 when it has none. */
function bodyLine(lines: readonly string[], start: number): number {
  let depth = 0;
  for (let i = start; i < lines.length && i < start + 30; i++) {
    const line = lines[i] as string;
    for (const c of line) depth += '(<['.includes(c) ? 1 : ')]'.includes(c) ? -1 : 0;
    depth -= [...line.matchAll(/(?<!=)>/g)].length;
    if (depth <= 0) return line.trimEnd().endsWith('{') ? i : -1;
  }
  return -1;
}

/** Functions by their indentation: the formatter closes a body at the indentation of the line that its head began on. */
function longFunctions(file: SourceFile): string[] {
  const lines = file.text.split('\n');
  const found: string[] = [];
  for (const [start, line] of lines.entries()) {
    const indent = HEAD.exec(line)?.[1];
    if (indent === undefined || STATEMENT.test(line) || bodyLine(lines, start) < 0) continue;
    const end = lines.findIndex((l, i) => i > start && l.startsWith(`${indent}}`));
    if (end - start + 1 > MAX_FUNCTION_LINES)
      found.push(`${file.path}:${start + 1} (${end - start + 1} lines)`);
  }
  return found;
}

test(`no function over ${MAX_FUNCTION_LINES} lines`, () => {
  assert.deepEqual(product.flatMap(longFunctions), []);
});

test('the rules themselves see what they forbid', () => {
  const long = `export function f(): void {\n${'  x();\n'.repeat(80)}}\n`;
  const method = `class C {\n  async m(\n    a: Map<string, number>,\n  ): Promise<void> {\n${'    x();\n'.repeat(80)}  }\n}\n`;
  const arrow = `  readonly f = (a: number): void => {\n${'    x();\n'.repeat(80)}  };\n`;
  for (const text of [long, method, arrow]) {
    assert.equal(longFunctions({ path: 'x.ts', text, imports: [] }).length, 1, text.slice(0, 40));
  }
  assert.deepEqual(
    importsOf('gateway/pool/x.ts', "import { a } from '../core/a.js';\nimport {\n  b,\n} from 'piscina';\n"),
    ['gateway/core/a.ts', 'piscina'],
  );
  assert.equal(homeOf('gateway/core/a.ts'), 'gateway/core');
});

test('nothing exported is dead', () => {
  const used = (name: string, from: string): boolean => {
    const word = new RegExp(`\\b${name}\\b`);
    return files.some((file) => file.path !== from && word.test(file.text));
  };
  const dead: string[] = [];
  for (const file of product) {
    for (const [, name] of file.text.matchAll(
      /\nexport (?:async )?(?:function\*?|const|class|abstract class) (\w+)/g,
    )) {
      if (!used(name as string, file.path)) dead.push(`${file.path}: ${name}`);
    }
  }
  assert.deepEqual(dead, []);
});
