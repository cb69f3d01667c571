/** The messages of sluice.v1.Admin, as proto-loader gives them: see wire.ts. */

/** Who makes a change, and why. */
export interface WireNote {
  readonly who?: string;
  readonly why?: string;
  readonly if_generation?: number;
}

interface Change<Extra> {
  readonly request: { readonly model: string; readonly note?: WireNote } & Extra;
  readonly response: WireChangeResult;
}

export interface WireChangeResult {
  readonly generation: string;
  readonly changed: boolean;
  readonly from_version: string;
  readonly to_version: string;
  readonly serving: boolean;
  readonly persisted: boolean;
}

export interface WireVersions {
  readonly generation: string;
  readonly versions: readonly {
    readonly model: string;
    readonly version: string;
    readonly state: string;
    readonly reason: string;
    readonly labels: readonly string[];
    readonly pinned: boolean;
    readonly default: boolean;
    readonly differs: string;
  }[];
  readonly labels: readonly {
    readonly model: string;
    readonly label: string;
    readonly version: string;
    readonly serving: string;
    readonly previous: string;
    readonly held: string;
  }[];
}

export interface WireCalls {
  readonly calls: readonly {
    readonly fate: string;
    readonly request_id: string;
    readonly trace_id: string;
    readonly model: string;
    readonly version: string;
    readonly code: string;
    readonly reason: string;
    readonly message: string;
    readonly at_ms: string;
    readonly total_ms: number;
    /** These are absent where it did not get that far. */
    readonly queue_ms?: number;
    readonly compute_ms?: number;
    readonly batch_rows?: number;
  }[];
}

export interface WireCallers {
  readonly callers: readonly {
    readonly caller: string;
    readonly calls: string;
    readonly rows: string;
    readonly bytes: string;
    readonly refused: string;
  }[];
  readonly over_ms: number;
}

export interface WireHistory {
  readonly generation: string;
  readonly changes: readonly {
    readonly generation: string;
    readonly at_ms: string;
    readonly who: string;
    readonly why: string;
    readonly kind: string;
    readonly model: string;
    readonly label: string;
    readonly from_version: string;
    readonly to_version: string;
  }[];
}

/** Its methods. */
export interface WireAdminMethods {
  'sluice.v1.Admin/Versions': { request: { readonly model: string }; response: WireVersions };
  'sluice.v1.Admin/Load': Change<{ readonly version: number }>;
  'sluice.v1.Admin/Unload': Change<{ readonly version: number }>;
  'sluice.v1.Admin/Label': Change<{
    readonly label: string;
    readonly version: number;
    readonly force?: boolean;
  }>;
  'sluice.v1.Admin/Promote': Change<{
    readonly label?: string;
    readonly from_label?: string;
    readonly version?: number;
    readonly force?: boolean;
  }>;
  'sluice.v1.Admin/Rollback': Change<{ readonly label?: string; readonly from_version?: number }>;
  'sluice.v1.Admin/History': {
    request: { readonly model: string; readonly limit: number };
    response: WireHistory;
  };
  'sluice.v1.Admin/Calls': {
    request: { readonly id: string; readonly fate: string; readonly limit: number };
    response: WireCalls;
  };
  'sluice.v1.Admin/Callers': { request: { readonly limit: number }; response: WireCallers };
  'sluice.v1.Admin/Resize': {
    request: { readonly workers: number; readonly model: string };
    response: { readonly workers: number };
  };
}
