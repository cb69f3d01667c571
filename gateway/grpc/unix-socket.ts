import { chmod, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

const OTHERS = 0o007;

/** Takes away the socket of a process that is gone, so that a server that was killed comes up again; false where somebody listens. */
export async function removeStale(path: string): Promise<boolean> {
  if (await isAnswered(path)) return false;
  try {
    if (!(await stat(path)).isSocket()) return false;
    await unlink(path);
    return true;
  } catch {
    return false;
  }
}

/** The owner may connect, and the group where the umask lets it; nobody else ever. */
export async function closeToOthers(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & OTHERS) !== 0) await chmod(path, mode & 0o777 & ~OTHERS);
}

/** True also where that cannot be told. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
