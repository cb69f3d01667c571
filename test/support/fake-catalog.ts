import type { ModelCatalog, VersionState, VersionStatus } from '../../gateway/core/catalog.js';
import { GatewayError } from '../../gateway/core/error.js';
import type { Manifest } from '../../gateway/core/manifest.js';
import type { Signature } from '../../gateway/core/model.js';

const SIGNATURE: Signature = {
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }],
  outputs: [{ name: 'label', datatype: 'INT64', shape: [-1] }],
  batchable: true,
  maxBatchSize: 256,
};

/** A catalog whose versions are set by the test. */
export class FakeCatalog implements ModelCatalog {
  readonly #versions: VersionStatus[] = [];
  readonly #listeners = new Set<(model: string) => void>();
  signature = SIGNATURE;

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Sets one version's state and tells the listeners. */
  set(model: string, version: number, state: VersionState, reason = ''): void {
    const at = this.#versions.findIndex((each) => each.model === model && each.version === version);
    const status = { model, version, state, reason };
    if (at < 0) this.#versions.push(status);
    else this.#versions[at] = status;
    for (const listener of this.#listeners) listener(model);
  }

  list(): readonly VersionStatus[] {
    return this.#versions;
  }

  available(model: string): readonly number[] {
    return this.#versions
      .filter((each) => each.model === model && each.state === 'available')
      .map(({ version }) => version)
      .sort((a, b) => a - b);
  }

  ready(model: string, version: string): boolean {
    const versions = this.available(model);
    return version === '' ? versions.length > 0 : versions.includes(Number(version));
  }

  describe(model: string, version: string): Manifest {
    if (!this.ready(model, version))
      throw new GatewayError('NOT_FOUND', `Request for unknown model: '${model}' is not found`);
    return {
      model,
      version: version === '' ? (this.available(model).at(-1) as number) : Number(version),
      signature: this.signature,
      preparedPath: '/nowhere',
      batchCheck: 'verified',
      latency: [],
      sha256: '',
      bytes: 0,
      warnings: [],
    };
  }

  lease(model: string, version: string): { manifest: Manifest; release: () => void } {
    return { manifest: this.describe(model, version), release: () => {} };
  }

  onChange(listener: (model: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
