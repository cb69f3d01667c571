import serve from '../../worker/main.js';
import type { WorkerTask } from '../../worker/protocol.js';
import { letDateJump } from './jumping-date.js';

/** The real worker in a thread whose wall clock jumps: each thread has a Date of its own. */
export default function jumping(task: WorkerTask): Promise<void> {
  letDateJump();
  return serve(task);
}
