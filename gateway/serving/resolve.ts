import type { ModelCatalog } from '../core/catalog.js';
import type { Infer, LeasedInfer } from '../core/infer-call.js';

/**
 * The layer that turns a name into a model version and holds it until the call has ended, however it ends. Rejects as
 * the catalog's `lease` throws.
 */
export function resolve(catalog: Pick<ModelCatalog, 'lease'>, next: LeasedInfer): Infer {
  return async (call) => {
    const lease = catalog.lease(call.model, call.version);
    try {
      return await next(call, lease);
    } finally {
      lease.release();
    }
  };
}
