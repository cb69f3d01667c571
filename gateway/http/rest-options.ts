import type { ModelCatalog } from '../core/catalog.js';
import type { Infer } from '../core/infer-call.js';
import type { CallContextOptions } from './call/call-context.js';
import type { HttpCalls } from './call/http-calls.js';
import type { NumberStyle } from './json/tensor-writer.js';
import type { RpcBridge } from './rpc/rpc-bridge.js';

/** What the routes of the REST protocols need. */
export interface RestOptions extends CallContextOptions {
  readonly infer: Infer;
  readonly catalog: Pick<ModelCatalog, 'list' | 'describe' | 'available' | 'ready'>;
  /** The handlers of gRPC, for all that is no inference. */
  readonly rpcs: RpcBridge;
  readonly calls: HttpCalls;
  /** Largest body, in bytes, packed or not. */
  readonly maxBodyBytes: number;
  readonly style: NumberStyle;
  readonly serverReady: () => boolean;
  /** The release that runs, for the OpenAPI document. */
  readonly release: string;
}
