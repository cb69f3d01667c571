import type { CallMemory } from '../core/call-record.js';
import type { ControlChange, ControlPlane } from '../core/control.js';
import type { Logger } from '../core/logger.js';
import type { RpcMethod } from '../core/transport.js';
import { Admin } from '../gen/sluice/v1/admin_pb.js';
import { callersOf } from './admin/callers.js';
import { callsOf } from './admin/calls.js';
import { readLabel, readLoad, readPromote, readRollback } from './admin/read-change.js';
import { refuseClosed } from './closed-here.js';
import { pathOf, unaryMethod } from './messages.js';

export interface AdminServiceOptions {
  readonly control: ControlPlane;
  readonly calls: CallMemory;
  /** Changes the number of workers; see Gateway.resize. */
  readonly resize: (workers: number, model?: string) => Promise<void>;
}

/** The methods of `sluice.v1.Admin`: all that changes what a running server serves. */
export function adminMethods({ control, calls, resize }: AdminServiceOptions): RpcMethod[] {
  const rpc = Admin.method;
  const make = async (change: ControlChange) => {
    const { from, to, ...result } = await control.change(change);
    return {
      ...{ generation: BigInt(result.generation), changed: result.changed },
      ...{ serving: result.serving, persisted: result.persisted },
      ...{ fromVersion: BigInt(from ?? 0), toVersion: BigInt(to ?? 0) },
    };
  };
  return [
    unaryMethod(rpc.versions, ({ model }) => versionsOf(control, model)),
    unaryMethod(rpc.load, (request) => make(readLoad(request, 'load'))),
    unaryMethod(rpc.unload, (request) => make(readLoad(request, 'unload'))),
    unaryMethod(rpc.label, (request) => make(readLabel(request))),
    unaryMethod(rpc.promote, (request) => make(readPromote(request))),
    unaryMethod(rpc.rollback, (request) => make(readRollback(request))),
    unaryMethod(rpc.history, ({ model, limit }) => historyOf(control, model, limit)),
    unaryMethod(rpc.calls, (request) => callsOf(calls, request)),
    unaryMethod(rpc.callers, ({ limit }) => callersOf(calls, limit)),
    unaryMethod(rpc.resize, async ({ workers, model }) => {
      await resize(workers, model === '' ? undefined : model);
      return { workers };
    }),
  ];
}

/** The same methods where they are closed: each refuses, says where it is served, and leaves a line in the log. */
export function closedAdminMethods(logger: Logger): RpcMethod[] {
  return Admin.methods.map((method) => ({
    kind: 'unary',
    path: pathOf(method),
    handler: async (_body, { path, peer }) => {
      return refuseClosed(logger, method.name, { path, peer });
    },
  }));
}

function versionsOf(control: ControlPlane, model: string) {
  return {
    generation: BigInt(control.generation),
    versions: control.versions(model).map(({ version, labels, chosen, ...line }) => ({
      ...line,
      ...{ version: BigInt(version), labels: [...labels], default: chosen },
    })),
    labels: control.labels(model).map(({ model, label, version, serving, previous, held }) => ({
      ...{ model, label, version: BigInt(version), held },
      ...{ serving: BigInt(serving ?? 0), previous: BigInt(previous ?? 0) },
    })),
  };
}

function historyOf(control: ControlPlane, model: string, limit: number) {
  const changes = control.history(model);
  return {
    generation: BigInt(control.generation),
    changes: (limit === 0 ? changes : changes.slice(0, limit)).map(
      ({ generation, atMs, from, to, ...rest }) => ({
        ...rest,
        ...{ generation: BigInt(generation), atMs: BigInt(atMs) },
        ...{ fromVersion: BigInt(from ?? 0), toVersion: BigInt(to ?? 0) },
      }),
    ),
  };
}
