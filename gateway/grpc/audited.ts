import type { DescMessage, DescMethod } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { ChangeLog, Guard } from '../core/access.js';
import { GatewayError, quote } from '../core/error.js';
import type { RpcContext, RpcMethod } from '../core/transport.js';
import { GRPCInferenceService } from '../gen/inference/grpc_service_pb.js';
import { Admin, NoteSchema } from '../gen/sluice/v1/admin_pb.js';
import { parseMessage, pathOf } from './messages.js';
import { classOf } from './method-class.js';

/** A request may have as many keys as it likes. */
const MAX_KEYS = 20;
const MAX_TEXT = 128;

const METHODS: ReadonlyMap<string, DescMethod> = new Map(
  [...Admin.methods, ...GRPCInferenceService.methods].map((method) => [pathOf(method), method]),
);
/** Without settings in the request, these only read. */
const READ_WITHOUT_SETTINGS: ReadonlySet<string> = new Set([
  pathOf(GRPCInferenceService.method.logSettings),
  pathOf(GRPCInferenceService.method.traceSetting),
]);

/** The same methods; each call of one that changes the server leaves a line of who, what and from where when it has ended. */
export function audited(
  methods: readonly RpcMethod[],
  log: ChangeLog,
  guard: Pick<Guard, 'nameOf'> | undefined,
): RpcMethod[] {
  return methods.map((method) => {
    if (method.kind !== 'unary' || classOf(method.path, true) !== 'changes') return method;
    const { path, handler } = method;
    return {
      ...method,
      handler: async (body: Uint8Array, context: RpcContext) => {
        // Before the handler: the body is the transport's again after it.
        const what = subjectOf(path, body);
        if (what['settings'] === undefined && READ_WITHOUT_SETTINGS.has(path)) return handler(body, context);
        const who = { token: guard?.nameOf(authorizationOf(context)), path, peer: context.peer, what };
        try {
          const answer = await handler(body, context);
          log.changed({ ...who, outcome: 'OK' });
          return answer;
        } catch (thrown) {
          log.changed({ ...who, outcome: GatewayError.from(thrown).code });
          throw thrown;
        }
      },
    };
  });
}

function authorizationOf({ headers }: RpcContext): string | undefined {
  const value = headers.get('authorization');
  return typeof value === 'string' ? value : undefined;
}

function subjectOf(path: string, body: Uint8Array): Record<string, unknown> {
  const method = METHODS.get(path);
  if (method === undefined) return {};
  try {
    return fieldsOf(method.input, body);
  } catch {
    // The handler says what is wrong with it.
    return {};
  }
}

/** What is set of it: texts and numbers as they are, of maps the keys, of a note who the client says it is. */
function fieldsOf(schema: DescMessage, body: Uint8Array): Record<string, unknown> {
  const message = reflect(schema, parseMessage(schema, body));
  const found: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'scalar') {
      const value: unknown = message.get(field);
      if (!(value instanceof Uint8Array)) found[field.name] = told(value);
    } else if (field.fieldKind === 'map') {
      found[field.name] = [...message.get(field).keys()].slice(0, MAX_KEYS).map(told);
    } else if (field.fieldKind === 'message' && field.message.typeName === NoteSchema.typeName) {
      const who: unknown = message.get(field).get(NoteSchema.field.who);
      if (who !== '') found['says'] = told(who);
    }
  }
  return found;
}

function told(value: unknown): unknown {
  if (typeof value === 'string') return quote(value, MAX_TEXT);
  return typeof value === 'bigint' ? Number(value) : value;
}
