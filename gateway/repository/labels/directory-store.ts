import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError, quote } from '../../core/error.js';
import { fileProblem } from '../../core/file-problem.js';
import { type DesiredState, EMPTY_STATE } from './desired-state.js';
import { readStateFile } from './file-store.js';
import type { LabelStore } from './label-store.js';
import { MAX_STATE_BYTES, writeState } from './state-text.js';

/** Former generations that stay in the directory: for people who look, and for readers that are just opening one. */
const KEPT_GENERATIONS = 10;

/** Called before each step of a write, for tests that stop there. */
export type BeforeStep = (step: string) => void;

/**
 * Keeps each generation as a file of its own, `labels.<generation>.json`; the largest number is the state. Several servers
 * may share the directory.
 *
 * A generation is written aside, flushed, and then linked to its name, which is one atomic step and refuses to take the place
 * of another: two writers never make the same generation, and who is killed at any instant leaves the old state or the new.
 */
export function directoryStore(directory: string, before: BeforeStep = () => {}): LabelStore {
  const newest = async () => (await generations(directory)).at(-1) ?? 0;
  return {
    readOnly: undefined,
    read: () => readNewest(directory),
    write: async (next) => {
      const text = writeState(next);
      checkSize(text);
      // Process ids say little: in containers that share the directory, all are 1.
      const aside = join(directory, `.labels.${next.generation}.${randomUUID()}.tmp`);
      const name = fileOf(directory, next.generation);
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        if ((await newest()) !== next.generation - 1) return false;
        await writeFlushed(aside, text, before);
        before('link');
        await link(aside, name);
        before('flush directory');
        await flushDirectory(directory);
        before('tidy');
        // A writer that slept through ten generations may have found its number free again.
        const lost = (await newest()) > next.generation + KEPT_GENERATIONS / 2;
        if (lost) await unlink(name);
        else await tidy(directory, next.generation);
        return !lost;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw fault(directory, 'write', error);
      } finally {
        await unlink(aside).catch(() => {});
      }
    },
  };
}

/** Between listing and opening the file may be tidied away, when many changes come at once: it is looked for again. */
async function readNewest(directory: string): Promise<DesiredState> {
  for (let attempt = 1; ; attempt++) {
    const newest = (await generations(directory)).at(-1);
    if (newest === undefined) return EMPTY_STATE;
    try {
      return { ...(await readStateFile(fileOf(directory, newest))), generation: newest };
    } catch (error) {
      if (attempt >= 3) throw error;
    }
  }
}

async function generations(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    // It is made with the first change.
    if (error.code === 'ENOENT') return [];
    throw fault(directory, 'read', error);
  });
  return names
    .map((name) => Number(/^labels\.([1-9][0-9]{0,15})\.json$/.exec(name)?.[1]))
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b);
}

async function writeFlushed(path: string, text: string, before: BeforeStep): Promise<void> {
  before('write');
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    before('flush');
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What is larger than what is read would be the last change of all. Throws RESOURCE_EXHAUSTED. */
function checkSize(text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_STATE_BYTES) return;
  const message = `the labels of all models take ${bytes} bytes, at most ${MAX_STATE_BYTES} are kept: remove some`;
  throw new GatewayError('RESOURCE_EXHAUSTED', message, { reason: 'bad_request' });
}

/** So that the name survives a loss of power, too. */
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
}

async function tidy(directory: string, generation: number): Promise<void> {
  for (const old of await generations(directory))
    if (old < generation - KEPT_GENERATIONS) await unlink(fileOf(directory, old)).catch(() => {});
}

function fileOf(directory: string, generation: number): string {
  return join(directory, `labels.${generation}.json`);
}

function fault(directory: string, verb: string, cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const message = `cannot ${verb} the state directory ${quote(directory, 200)}: ${fileProblem(cause)}`;
  return new GatewayError('FAILED_PRECONDITION', message, { cause });
}
