/**
 * A change of what is served. Labels and versions are checked where it is made. `force`: also to a version whose signature is not
 * what clients of the label know.
 */
export type ControlStep =
  | { readonly kind: 'label'; readonly label: string; readonly version: number; readonly force: boolean }
  | { readonly kind: 'remove'; readonly label: string }
  /** To where `fromLabel` leads, or to `version`. */
  | {
      readonly kind: 'promote';
      readonly label: string;
      readonly fromLabel: string;
      readonly force: boolean;
    }
  | { readonly kind: 'promote'; readonly label: string; readonly version: number; readonly force: boolean }
  /** `fromVersion`: the version to be left; undefined for whatever it is. */
  | { readonly kind: 'rollback'; readonly label: string; readonly fromVersion?: number | undefined }
  | { readonly kind: 'load' | 'unload'; readonly version: number };

/** One change of one model, and what is noted of it. */
export interface ControlChange {
  readonly model: string;
  readonly step: ControlStep;
  readonly who: string;
  readonly why: string;
  /** Made only where the state has this generation; undefined for whatever it has. */
  readonly ifGeneration?: number | undefined;
}

/** What a change came to. */
export interface ControlResult {
  readonly generation: number;
  /** False where the state was so already. */
  readonly changed: boolean;
  /** Of the label (for a load or unload: the version), before and after; undefined for none. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Whether `to` can be called now. */
  readonly serving: boolean;
  /** Whether the state outlives this process. */
  readonly persisted: boolean;
}

/** A version, with who asks for it. */
export interface ControlledVersion {
  readonly model: string;
  readonly version: number;
  readonly state: string;
  readonly reason: string;
  readonly labels: readonly string[];
  readonly pinned: boolean;
  /** Whether a request that names no version gets it. */
  readonly chosen: boolean;
  /** How its signature differs from that of the version that a request without one gets; `''` where it does not. */
  readonly differs: string;
}

/** A label, and what answers for it. */
export interface ControlledLabel {
  readonly model: string;
  readonly label: string;
  readonly version: number;
  /** Undefined where nothing answers. */
  readonly serving: number | undefined;
  /** Where a rollback leads. */
  readonly previous: number | undefined;
  /** Why `version` does not answer though it is there: how its signature differs. `''` where it does, or is not there. */
  readonly held: string;
}

/** A change that was made, of a label or of what is loaded: who, when, from where, to where, why. */
export interface PastChange {
  /** The generation that it made. */
  readonly generation: number;
  /** Milliseconds since the epoch, by the clock of the server that made it. */
  readonly atMs: number;
  /** As the client named itself; nobody checks it. */
  readonly who: string;
  readonly why: string;
  readonly kind: string;
  readonly model: string;
  /** `''` for a load or an unload. */
  readonly label: string;
  /** Undefined where the label was new. */
  readonly from?: number | undefined;
  /** Undefined where it was removed. */
  readonly to?: number | undefined;
}

/** What may be done to a running server's versions and labels: as the admin service sees it. */
export interface ControlPlane {
  readonly generation: number;
  /** Of one model, or of all for `''`. Throws NOT_FOUND for a model that is not known. */
  versions(model: string): readonly ControlledVersion[];
  labels(model: string): readonly ControlledLabel[];
  /** The newest first. */
  history(model: string): readonly PastChange[];
  /** Rejects with a GatewayError where it cannot be made: then nothing has changed. */
  change(change: ControlChange): Promise<ControlResult>;
}
