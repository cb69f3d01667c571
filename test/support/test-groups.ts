/**
 * Which test files share a process. To load the gateway's modules costs a second of a core, and Node's test runner
 * starts a process per file: most of the time of some 300 processes. So the runner is given files that import several.
 */

/** What these files assert is how much the server does in how much time: they get the machine for themselves. */
export const CALM: ReadonlySet<string> = new Set(
  [
    ...[
      'head-of-line',
      'loads-beside-traffic',
      'metrics-under-load',
      'overload',
      'retries',
      'supervisor-restart',
    ].map((name) => `integration/${name}`),
    ...['interop/bench-agreement', 'interop/proxies'],
  ].map((file) => `${file}.test.js`),
);

/** What these files look at is their own process, such as its memory and descriptors, or they mostly wait. */
const ALONE: ReadonlySet<string> = new Set(
  ['doctor', 'grpc-slow-clients', 'grpc-transport', 'prepare-limits', 'process-channel', 'supervisor'].map(
    (name) => `integration/${name}.test.js`,
  ),
);

/** How many processes a folder's files are dealt out to; a folder that is not named gets one a file. */
const PROCESSES: ReadonlyMap<string, number> = new Map([
  ['unit', 4],
  ['integration', 12],
]);

/** Fewer files than this a process are not worth a group: who names a file or a small folder sees it by its name. */
const LEAST_A_GROUP = 2;

/**
 * Deals test files out to processes: one after the other, so that the files of one subject, which tend to be long
 * together, are spread.
 * @param files paths below the compiled tests, such as `unit/http/json/read.test.js`
 * @returns the groups, in the order in which they should start; each file is in exactly one
 */
export function groupsOf(files: readonly string[]): string[][] {
  const folders = new Map<string, string[]>();
  for (const file of files.filter((name) => !ALONE.has(name))) {
    const folder = file.split('/')[0] ?? '';
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  const alone = files.filter((file) => ALONE.has(file)).map((file) => [file]);
  const dealt = [...folders].flatMap(([folder, own]) => {
    const processes = PROCESSES.get(folder) ?? own.length;
    const count = own.length < processes * LEAST_A_GROUP ? own.length : processes;
    return Array.from({ length: count }, (_, k) => own.filter((_file, at) => at % count === k));
  });
  return [...alone, ...dealt];
}
