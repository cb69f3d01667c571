import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { RpcMethod } from '../core/transport.js';
import { asBuffer } from './call-host.js';
import { malformed } from './wire-reader.js';

/** Reads a message with generated code. Throws INTERNAL when the bytes are no such message. */
export function parseMessage<T extends DescMessage>(schema: T, body: Uint8Array): MessageShape<T> {
  try {
    return fromBinary(schema, body, { readUnknownFields: false });
  } catch {
    // The library's text names its own functions: not for clients.
    throw malformed(`it is not a valid ${schema.typeName}`);
  }
}

export function serializeMessage<T extends DescMessage>(schema: T, message: MessageInitShape<T>): Uint8Array {
  return toBinary(schema, create(schema, message));
}

/** `/package.Service/Method` */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** A unary method whose messages generated code reads and writes. What `answer` throws is the call's error. */
export function unaryMethod<I extends DescMessage, O extends DescMessage>(
  method: DescMethod & { methodKind: 'unary'; input: I; output: O },
  answer: (request: MessageShape<I>) => MessageInitShape<O> | Promise<MessageInitShape<O>>,
): RpcMethod {
  return {
    kind: 'unary',
    path: pathOf(method),
    handler: async (body) =>
      asBuffer(serializeMessage(method.output, await answer(parseMessage(method.input, body)))),
  };
}
