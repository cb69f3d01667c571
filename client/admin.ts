/** A typed client of a server's admin listener: labels, loads, history. */

import type { ClientOptions } from './options.js';
import { type CallOptions, Rpc } from './rpc.js';
import type { WireAdminMethods, WireChangeResult } from './wire-admin.js';

/** Where the admin listener of a server on the same machine is unless told otherwise. */
export const DEFAULT_ADMIN_ADDRESS = 'localhost:8003';

/** Who makes a change and why, for the history. */
export interface ChangeNote {
  readonly who?: string | undefined;
  readonly why?: string | undefined;
  /** Makes the change only where the state still has this generation. */
  readonly ifGeneration?: number | undefined;
}

/** What a change came to. */
export interface ChangeResult {
  readonly generation: number;
  /** False where it was so already. */
  readonly changed: boolean;
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Whether `to` can be called now. */
  readonly serving: boolean;
  /** Whether it outlives the process. */
  readonly persisted: boolean;
}

/** A version, with who asks for it. */
export interface AdminVersion {
  readonly model: string;
  readonly version: number;
  readonly state: string;
  readonly reason: string;
  readonly labels: readonly string[];
  readonly pinned: boolean;
  /** Whether a request that names no version gets it. */
  readonly default: boolean;
  /** How its signature differs from that of the default version; `''` where it does not. */
  readonly differs: string;
}

/** A label: where it should lead, what answers now, where a rollback leads. */
export interface AdminLabel {
  readonly model: string;
  readonly label: string;
  readonly version: number;
  readonly serving: number | undefined;
  readonly previous: number | undefined;
  /** Why `version` does not answer though it is loaded; `''` otherwise. */
  readonly held: string;
}

export interface AdminVersions {
  readonly generation: number;
  readonly versions: readonly AdminVersion[];
  readonly labels: readonly AdminLabel[];
}

/** A change that was made. */
export interface AdminChange {
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly who: string;
  readonly why: string;
  readonly kind: string;
  readonly model: string;
  readonly label: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** A call that failed, was refused or was slow. */
export interface AdminCall {
  /** `failed`, `refused` or `slow`. */
  readonly fate: string;
  /** `''` where the client gave none. */
  readonly requestId: string;
  /** `''` where it is in no trace. */
  readonly traceId: string;
  readonly model: string;
  readonly version: number | undefined;
  /** Name of its status, `OK` for a slow one. */
  readonly code: string;
  /** Of docs/ERRORS.md, or `''`. */
  readonly reason: string;
  readonly message: string;
  /** When it ended, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly totalMs: number;
  /** From submission to dispatch; undefined where it did not get that far, as the next two. */
  readonly queueMs: number | undefined;
  readonly computeMs: number | undefined;
  /** Rows of the batch that it ran in. */
  readonly batchRows: number | undefined;
}

/** What a caller has asked for of late. */
export interface AdminCaller {
  /** As its metadata says, where `callers.metadataKey` is set; else `certificate …` or `address …`. */
  readonly caller: string;
  readonly calls: number;
  /** Rows that were run for it. */
  readonly rows: number;
  /** Bytes of its messages. */
  readonly bytes: number;
  /** Calls that were turned away. */
  readonly refused: number;
}

type Changing = 'Load' | 'Unload' | 'Label' | 'Promote' | 'Rollback';
type Request<M extends Changing> = Omit<WireAdminMethods[`sluice.v1.Admin/${M}`]['request'], 'note'>;

/** One channel to the admin listener of one server. Every method rejects with SluiceClientError. */
export class AdminClient {
  readonly #rpc: Rpc;

  constructor(options: ClientOptions = {}) {
    this.#rpc = new Rpc({ address: DEFAULT_ADMIN_ADDRESS, ...options });
  }

  /** The versions and labels of one model, or of all for `''`. */
  async versions(model = '', options: CallOptions = {}): Promise<AdminVersions> {
    const answer = await this.#rpc.call('sluice.v1.Admin/Versions', { model }, this.#rpc.begin(options));
    return {
      generation: Number(answer.generation),
      versions: answer.versions.map((line) => ({ ...line, version: Number(line.version) })),
      labels: answer.labels.map(({ model, label, version, serving, previous, held }) => ({
        ...{ model, label, version: Number(version), held },
        ...{ serving: given(serving), previous: given(previous) },
      })),
    };
  }

  load(request: Request<'Load'>, note: ChangeNote = {}): Promise<ChangeResult> {
    return this.#change('Load', request, note);
  }

  unload(request: Request<'Unload'>, note: ChangeNote = {}): Promise<ChangeResult> {
    return this.#change('Unload', request, note);
  }

  /** Sets or moves a label; version 0 removes it. */
  label(request: Request<'Label'>, note: ChangeNote = {}): Promise<ChangeResult> {
    return this.#change('Label', request, note);
  }

  /** Moves `stable` (or `label`) to `version`, or to where `from_label` leads. */
  promote(request: Request<'Promote'>, note: ChangeNote = {}): Promise<ChangeResult> {
    return this.#change('Promote', request, note);
  }

  /** With `from_version` a repeated call rolls back once. */
  rollback(request: Request<'Rollback'>, note: ChangeNote = {}): Promise<ChangeResult> {
    return this.#change('Rollback', request, note);
  }

  /** The changes that were made, the newest first; `limit` 0 for all that are remembered. */
  async history(model = '', limit = 0, options: CallOptions = {}): Promise<readonly AdminChange[]> {
    const answer = await this.#rpc.call(
      'sluice.v1.Admin/History',
      { model, limit },
      this.#rpc.begin(options),
    );
    return answer.changes.map(({ generation, at_ms, from_version, to_version, ...rest }) => ({
      ...rest,
      ...{ generation: Number(generation), atMs: Number(at_ms) },
      ...{ from: given(from_version), to: given(to_version) },
    }));
  }

  /** The last calls that failed, were refused or were slow, the newest first: those whose request or trace id begins with `id`. */
  async calls(
    { id = '', fate = '', limit = 0 }: { id?: string; fate?: string; limit?: number },
    options: CallOptions = {},
  ): Promise<readonly AdminCall[]> {
    const asked = { id, fate, limit };
    const answer = await this.#rpc.call('sluice.v1.Admin/Calls', asked, this.#rpc.begin(options));
    return answer.calls.map(({ fate, model, version, code, reason, message, ...rest }) => ({
      ...{ fate, requestId: rest.request_id, traceId: rest.trace_id, model, version: given(version) },
      ...{ code, reason, message, atMs: Number(rest.at_ms), totalMs: rest.total_ms },
      ...{ queueMs: rest.queue_ms, computeMs: rest.compute_ms, batchRows: rest.batch_rows },
    }));
  }

  /** Who called in the last ten to twenty seconds, the heaviest first. */
  async callers(
    limit = 0,
    options: CallOptions = {},
  ): Promise<{ readonly overMs: number; readonly callers: readonly AdminCaller[] }> {
    const answer = await this.#rpc.call('sluice.v1.Admin/Callers', { limit }, this.#rpc.begin(options));
    const callers = answer.callers.map(({ caller, calls, rows, bytes, refused }) => ({
      ...{ caller, calls: Number(calls), rows: Number(rows) },
      ...{ bytes: Number(bytes), refused: Number(refused) },
    }));
    return { overMs: answer.over_ms, callers };
  }

  /** Changes the number of workers: of those that models share, or of the model's own. */
  async resize(workers: number, model = '', options: CallOptions = {}): Promise<void> {
    await this.#rpc.call('sluice.v1.Admin/Resize', { workers, model }, this.#rpc.begin(options));
  }

  close(): void {
    this.#rpc.close();
  }

  async #change<M extends Changing>(
    method: M,
    request: Request<M>,
    { who = '', why = '', ifGeneration = 0 }: ChangeNote,
  ): Promise<ChangeResult> {
    const path = `sluice.v1.Admin/${method}` as const;
    const whole = { ...request, note: { who, why, if_generation: ifGeneration } };
    const sent = whole as unknown as WireAdminMethods[typeof path]['request'];
    const answer: WireChangeResult = await this.#rpc.call(path, sent, this.#rpc.begin({}));
    const { generation, changed, from_version, to_version, serving, persisted } = answer;
    return {
      ...{ generation: Number(generation), changed, serving, persisted },
      ...{ from: given(from_version), to: given(to_version) },
    };
  }
}

/** 0 is the wire's word for none. */
function given(version: string): number | undefined {
  return version === '0' ? undefined : Number(version);
}
