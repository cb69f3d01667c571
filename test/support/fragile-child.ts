import type { PrepareRequest } from '../../gateway/core/manifest.js';
import type { PrepareTask } from '../../worker/protocol.js';

/** A preparing child that does what the model's name says: `exit`, `abort`, `hang`, else it answers with the name. */
process.on('message', ({ id, request }: PrepareTask<PrepareRequest>) => {
  if (request.model === 'exit') process.exit(7);
  if (request.model === 'abort') process.kill(process.pid, 'SIGABRT');
  else if (request.model !== 'hang') process.send?.({ id, ok: true, manifest: { model: request.model } });
});
