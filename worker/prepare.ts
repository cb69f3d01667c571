import { GatewayError } from '../gateway/core/error.js';
import type { Manifest, PrepareRequest } from '../gateway/core/manifest.js';
import { liveAsChild } from './child-life.js';
import { prepareModel } from './prepare-model.js';
import type { PrepareReply, PrepareTask } from './protocol.js';

/**
 * Entry of the throw-away child process that prepares models: one request after the other over IPC, each answered once.
 * Its parent sets ORT_DISABLE_TELEMETRY=1, limits the time and the memory of each request, and starts another child when a model breaks
 * this one. It ends by itself when the parent closes the channel: nothing else keeps it alive. Where memory runs out, the
 * kernel is to take this process and not the server.
 */
liveAsChild();

let tail: Promise<void> = Promise.resolve();

process.on('message', (task: PrepareTask<PrepareRequest>) => {
  tail = tail.then(() => answer(task));
});

async function answer({ id, request }: PrepareTask<PrepareRequest>): Promise<void> {
  let reply: PrepareReply<Manifest>;
  try {
    reply = { id, ok: true, manifest: await prepareModel(request) };
  } catch (error) {
    const { code, message } = GatewayError.from(error);
    reply = {
      id,
      ok: false,
      code: code === 'RESOURCE_EXHAUSTED' ? code : 'FAILED_PRECONDITION',
      message,
    };
  }
  process.send?.(reply);
}
