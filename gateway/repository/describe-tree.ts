import { quote } from '../core/error.js';
import { type Entry, listDirectory } from './list-directory.js';

const MAX_DEPTH = 3;
const MAX_LINES = 20;
/** Of each directory, so that the first one leaves room for its neighbours. */
const MAX_PER_DIRECTORY = 8;
const MAX_NAME_CHARS = 40;

/** A directory tree in words: at most 20 lines, 3 levels deep, 8 entries of each, hidden entries left out. */
export async function describeTree(path: string): Promise<string> {
  const lines: string[] = [];
  await walk(path, 1, lines);
  if (lines.length > MAX_LINES) {
    lines.length = MAX_LINES - 1;
    lines.push('  …');
  }
  return lines.length === 0 ? '  (empty)' : lines.join('\n');
}

async function walk(path: string, depth: number, lines: string[]): Promise<void> {
  const { entries } = await listDirectory(path).catch(() => ({ entries: [] as Entry[] }));
  for (const { name, path: inner, kind } of entries.slice(0, MAX_PER_DIRECTORY)) {
    if (lines.length > MAX_LINES) return;
    const shown = quote(name, MAX_NAME_CHARS).slice(1, -1);
    lines.push(`${'  '.repeat(depth)}${shown}${kind === 'directory' ? '/' : ''}`);
    if (kind === 'directory' && depth < MAX_DEPTH) await walk(inner, depth + 1, lines);
  }
  if (entries.length > MAX_PER_DIRECTORY) lines.push(`${'  '.repeat(depth)}…`);
}

/**
 * The layout that is wanted and nearest to what was found, for somebody who has a directory that is not understood.
 * `entries` is its first level.
 */
export function nearestLayout(entries: readonly Entry[]): string {
  const onnx = entries.find(({ name, kind }) => kind === 'file' && name.endsWith('.onnx'));
  if (onnx !== undefined) {
    const name = quote(onnx.name, MAX_NAME_CHARS).slice(1, -1);
    const model = name.slice(0, -'.onnx'.length) || 'model';
    return `move ${name} to ${model}/1/model.onnx, or give the path of ${name} itself`;
  }
  const directory = entries.find(({ kind }) => kind === 'directory');
  const model = directory === undefined ? '<model>' : quote(directory.name, MAX_NAME_CHARS).slice(1, -1);
  return `${model}/1/model.onnx (a directory per model, in it one per version, in it a file named model.onnx)`;
}
