import { fileURLToPath } from 'node:url';
import {
  loadSync,
  type MessageTypeDefinition,
  type MethodDefinition,
  type PackageDefinition,
} from '@grpc/proto-loader';
import type { StatusDetail, WireMethods } from './wire.js';

/** A unary method: its path, and how its messages become bytes and back. */
export interface UnaryMethod<Request, Response> {
  readonly path: string;
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
}

/** What the `.proto` files say, as far as the client calls it. */
export interface Contract {
  method<Name extends keyof WireMethods>(
    name: Name,
  ): UnaryMethod<WireMethods[Name]['request'], WireMethods[Name]['response']>;
  /** Decodes a message of google.rpc, by its full name. Throws on garbage. */
  decode<Name extends keyof StatusDetail>(name: Name, bytes: Buffer): StatusDetail[Name];
}

/** The package's own proto folder: one level above the compiled code, wherever that was put. */
const PROTO_DIR = fileURLToPath(new URL('../../proto', import.meta.url));

const FILES = [
  'inference/grpc_service.proto',
  'grpc/health/v1/health.proto',
  'sluice/v1/admin.proto',
  'google/rpc/status.proto',
  'google/rpc/error_details.proto',
];

let loaded: Contract | undefined;

/** Reads the `.proto` files at the first call (about 20 ms); they cannot change while a process runs. */
export function loadContract(): Contract {
  loaded ??= contractOf(
    // keepCase: fields are named as on the wire. longs as text: no shape or version is ever rounded.
    loadSync(FILES, {
      includeDirs: [PROTO_DIR],
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
    }),
  );
  return loaded;
}

function contractOf(definitions: PackageDefinition): Contract {
  return {
    method(name) {
      const slash = name.lastIndexOf('/');
      const service = definitions[name.slice(0, slash)] as unknown as Record<
        string,
        MethodDefinition<object, object>
      >;
      const found = service[name.slice(slash + 1)];
      if (found === undefined) throw new Error(`${name} is missing in proto/`);
      return {
        path: found.path,
        serialize: found.requestSerialize,
        deserialize: found.responseDeserialize as never,
      };
    },
    decode(name, bytes) {
      const type = definitions[name] as unknown as MessageTypeDefinition<object, object>;
      return type.deserialize(bytes) as never;
    },
  };
}
