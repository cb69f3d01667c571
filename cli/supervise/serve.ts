import { supervise } from './supervisor.js';
import { supervisionWanted } from './wanted.js';

/**
 * `sluice serve` with these arguments: the server in this process, or supervised in one of its own. Resolves to the exit code
 * of a supervised one; undefined when the server goes on in this process, and sets the code itself.
 */
export async function serve(argv: readonly string[]): Promise<number | undefined> {
  const { env, pid, execArgv } = process;
  if (await supervisionWanted({ argv, env, pid, execArgv })) return supervise();
  const { findKeeper } = await import('./supervised.js');
  const { runServer } = await import('../../gateway/main.js');
  await runServer(argv, findKeeper());
  return undefined;
}
