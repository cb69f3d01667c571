import type { ControlChange, ControlStep } from '../../core/control.js';
import { GatewayError } from '../../core/error.js';
import type {
  LabelRequest,
  LoadRequest,
  Note,
  PromoteRequest,
  RollbackRequest,
  UnloadRequest,
} from '../../gen/sluice/v1/admin_pb.js';

/** The label that is meant where a promotion or a rollback names none. */
const USUAL_LABEL = 'stable';

type Named = { readonly model: string; readonly note?: Note | undefined };

function changeOf({ model, note }: Named, step: ControlStep): ControlChange {
  const ifGeneration =
    note?.ifGeneration === 0n ? undefined : wholeOf(note?.ifGeneration, 'note.if_generation');
  return { model, step, who: note?.who ?? '', why: note?.why ?? '', ifGeneration };
}

/** Version 0 removes the label. */
export function readLabel(request: LabelRequest): ControlChange {
  const { label, force } = request;
  const version = wholeOf(request.version, 'version') ?? 0;
  return changeOf(
    request,
    version === 0 ? { kind: 'remove', label } : { kind: 'label', label, version, force },
  );
}

/** Throws INVALID_ARGUMENT where it says neither a label nor a version. */
export function readPromote(request: PromoteRequest): ControlChange {
  const label = request.label || USUAL_LABEL;
  const { force } = request;
  const { case: named, value } = request.to;
  if (named === 'fromLabel') return changeOf(request, { kind: 'promote', label, fromLabel: value, force });
  return changeOf(request, { kind: 'promote', label, version: versionOf(value), force });
}

export function readRollback(request: RollbackRequest): ControlChange {
  const label = request.label || USUAL_LABEL;
  const fromVersion = wholeOf(request.fromVersion, 'from_version') || undefined;
  return changeOf(request, { kind: 'rollback', label, fromVersion });
}

export function readLoad(request: LoadRequest | UnloadRequest, kind: 'load' | 'unload'): ControlChange {
  return changeOf(request, { kind, version: versionOf(request.version) });
}

function versionOf(given: bigint | undefined): number {
  const version = wholeOf(given, 'version');
  if (version !== undefined && version > 0) return version;
  throw new GatewayError('INVALID_ARGUMENT', 'the version is missing: wanted a whole number above 0', {
    reason: 'bad_request',
    field: 'version',
  });
}

function wholeOf(given: bigint | undefined, field: string): number | undefined {
  if (given === undefined || given <= BigInt(Number.MAX_SAFE_INTEGER))
    return given === undefined ? undefined : Number(given);
  const message = `${field} is ${given}: wanted a whole number up to 2^53 - 1`;
  throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field });
}
