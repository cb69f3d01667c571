/** Where the foreign tools are, how they are run, and what happens when one is not installed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  repositoryRoot,
  type ServerExit,
  type ServerProcess,
  startServerProcess,
} from '../support/server-process.js';

const folder = join(repositoryRoot, 'test/interop');
const installed = join(folder, '.env');

/** The model repository that `npm run interop:setup` makes. */
export const interopModels = join(installed, 'models');
/** The Python scripts of the interop tests. */
export const pythonScripts = join(folder, 'python');

const PATHS = {
  grpcurl: 'bin/grpcurl',
  'grpc-health-probe': 'bin/grpc-health-probe',
  ghz: 'bin/ghz',
  h2load: 'bin/h2load',
  h2spec: 'bin/h2spec',
  haproxy: 'bin/haproxy',
  nginx: 'bin/nginx',
  otelcol: 'bin/otelcol',
  prometheus: 'bin/prometheus',
  promtool: 'bin/promtool',
  python: 'venv/bin/python',
  'tfs-python': 'tfs/bin/python',
  mlserver: 'venv/bin/mlserver',
} as const;

export type ToolName = keyof typeof PATHS;

/**
 * Path of a tool, or undefined after it has skipped the test: return at once then.
 * With CI=true a skip is a failure, unless test/interop/allowed-skips.json has the tool's name with a reason.
 * @throws Error under CI for a skip that is not allowed.
 */
export function findTool(t: TestContext, name: ToolName): string | undefined {
  const path = join(installed, PATHS[name]);
  // The stamp is written last: without it an installation may be half done.
  if (existsSync(path) && existsSync(join(installed, 'done'))) return path;
  skipOrFail(t, name, `${name} is not installed: run \`npm run interop:setup\``);
  return undefined;
}

/** Skips the test, or fails it where skips are not allowed. `name` is what allowed-skips.json lists. */
export function skipOrFail(t: TestContext, name: string, why: string): void {
  const allowed = allowedSkips()[name];
  const inCi = process.env['CI'] === 'true';
  if (inCi && allowed === undefined)
    throw new Error(`${why}; in CI a skip must be listed in test/interop/allowed-skips.json with its reason`);
  t.skip(allowed === undefined ? why : `${why} (allowed: ${allowed})`);
}

function allowedSkips(): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(join(folder, 'allowed-skips.json'), 'utf8')) as Record<string, string>;
}

/** Starts the server with the examples, the interop models and whatever `args` add. The caller stops it. */
export function startForInterop(args: readonly string[]): Promise<ServerProcess> {
  const repositories = ['examples', interopModels].flatMap((path) => ['--model-repository', path]);
  // The model that takes its time has a Loop in it.
  return startServerProcess({ args: [...repositories, '--allow-loops', ...args] });
}

/**
 * As startForInterop, for the length of a test; returns the server's address, of gRPC unless told otherwise.
 * It is stopped after the test, and its orderly exit is part of the test.
 */
export async function serveForInterop(
  t: TestContext,
  args: readonly string[] = [],
  protocol: 'grpc' | 'http' = 'grpc',
): Promise<string> {
  const server = await startForInterop(args);
  t.after(async () => assertOrderly(await server.stop(), server));
  return `127.0.0.1:${protocol === 'grpc' ? server.grpcPort : server.httpPort}`;
}

/** Exit code 0 after SIGTERM. */
export function assertOrderly({ code, signal }: ServerExit, server: ServerProcess): void {
  assert.equal(code, 0, `the server ended with ${code ?? signal}; its output:\n${server.output()}`);
}

export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool to its end, at most 60 s. A non-zero exit code is an answer, not an error. */
export function runTool(path: string, args: readonly string[]): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const options = {
      timeout: 60_000,
      killSignal: 'SIGKILL',
      maxBuffer: 16 << 20,
      cwd: repositoryRoot,
    } as const;
    execFile(path, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
      else reject(new Error(`${path} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
    });
  });
}
