import type { Lease } from './infer-call.js';
import type { Manifest } from './manifest.js';

/** Life of a model version ; the transitions are in repository/model-state. */
export type VersionState =
  | 'discovered'
  | 'loading'
  | 'warming'
  | 'available'
  | 'draining'
  | 'unloaded'
  | 'failed';

/** One line of a repository index. */
export interface VersionStatus {
  readonly model: string;
  /** 0 for a model whose directory holds no usable version: `reason` says why. */
  readonly version: number;
  readonly state: VersionState;
  /** Why it failed or was left out; `''` otherwise. */
  readonly reason: string;
}

/** What is served and in what state: the registry, as the protocols see it. */
export interface ModelCatalog {
  /** Every version known, loaded or not, by model and then version. */
  list(): readonly VersionStatus[];
  /** Versions that can be called now, ascending; empty for an unknown model. */
  available(model: string): readonly number[];
  /** Whether the model (`version` `''`: the one that would be chosen) can be called now. Never throws. */
  ready(model: string, version: string): boolean;
  /** Manifest of an available version, chosen as `lease` does; throws as it does. */
  describe(model: string, version: string): Manifest;
  /** Holds a version. Throws a GatewayError: unknown model NOT_FOUND, not available UNAVAILABLE, bad version INVALID_ARGUMENT. */
  lease(model: string, version: string): Lease;
  /** Calls `listener` after every change of readiness of a model; returns the way to stop it. */
  onChange(listener: (model: string) => void): () => void;
}
