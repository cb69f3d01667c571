import { readFileSync, statSync } from 'node:fs';
import { MARKER } from './messages.js';

/** As in gateway/config, which is too heavy to be loaded here. */
const MAX_FILE_BYTES = 1 << 20;

/** What is known of this process before anything of the server is loaded. */
export interface ProcessFacts {
  /** Arguments after `serve`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** Arguments of node itself. */
  readonly execArgv: readonly string[];
}

/** `server.supervise`, read as the server reads it. Throws what the server will throw. */
export type ReadSetting = (facts: ProcessFacts) => Promise<'auto' | 'on' | 'off'>;

/**
 * Whether this process is to supervise. To load the settings takes as long as to start a node, and the default is what nearly
 * all have: so they are loaded only where the setting's name stands in one of the places that can set it.
 */
export async function supervisionWanted(
  facts: ProcessFacts,
  read: ReadSetting = loadSetting,
): Promise<boolean> {
  const { argv, env } = facts;
  if (env[MARKER] !== undefined || argv.includes('--help') || argv.includes('-h')) return false;
  let setting: 'auto' | 'on' | 'off' = 'auto';
  if (mayBeSet(facts)) {
    try {
      setting = await read(facts);
    } catch {
      // The server itself says what is wrong with its settings.
      return false;
    }
  }
  return setting === 'auto' ? !somebodyElseDoes(facts) : setting === 'on';
}

/** Process 1 is restarted by the container's runtime, a pod by its kubelet; what is debugged must be the process that was started. */
function somebodyElseDoes({ pid, env, execArgv }: ProcessFacts): boolean {
  return (
    pid === 1 ||
    env['KUBERNETES_SERVICE_HOST'] !== undefined ||
    execArgv.some((arg) => arg.startsWith('--inspect'))
  );
}

function mayBeSet({ argv, env }: ProcessFacts): boolean {
  if (env['SLUICE_SERVER_SUPERVISE'] !== undefined || argv.some((arg) => arg.includes('supervise')))
    return true;
  const flag = argv.findLastIndex((arg) => /^--config[-_]file(=|$)/.test(arg));
  const given = flag < 0 ? undefined : argv[flag]?.split('=').slice(1).join('=') || argv[flag + 1];
  const path = given ?? (env['SLUICE_CONFIG'] || 'sluice.yaml');
  try {
    const stat = statSync(path);
    // What is no file, or too large for one of settings, is not read here either.
    return stat.isFile() && stat.size <= MAX_FILE_BYTES && readFileSync(path, 'utf8').includes('supervise');
  } catch {
    // None, or none that can be read, which is the server's to say.
    return false;
  }
}

async function loadSetting({ argv, env }: ProcessFacts): Promise<'auto' | 'on' | 'off'> {
  const { loadConfig } = await import('../../gateway/config/load.js');
  return loadConfig({ argv, env }).config.server.supervise;
}
