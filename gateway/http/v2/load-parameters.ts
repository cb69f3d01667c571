import type { MessageInitShape } from '@bufbuild/protobuf';
import { GatewayError, quote } from '../../core/error.js';
import type { ModelRepositoryParameterSchema } from '../../gen/inference/grpc_service_pb.js';
import { JsonReader } from '../json/reader.js';
import { kindOf, readValue } from '../json/value.js';

type Parameters = Record<string, MessageInitShape<typeof ModelRepositoryParameterSchema>>;

const FILE = 'file:';

/**
 * Reads the body of a load: `{"parameters": {"config": "…", "file:1/model.onnx": "<base64>"}}`, or nothing. Throws INVALID_ARGUMENT; what
 * the parameters mean is the RPC's.
 */
export function readLoadParameters(body: Buffer): Parameters {
  if (body.length === 0) return {};
  const reader = new JsonReader(body);
  const parameters: [string, Parameters[string]][] = [];
  reader.beginObject();
  for (let key = reader.key(); key !== undefined; key = reader.key()) {
    if (key !== 'parameters') {
      reader.skip();
      continue;
    }
    reader.beginObject();
    for (let name = reader.key(); name !== undefined; name = reader.key()) {
      const value = readValue(reader);
      if (typeof value !== 'string')
        throw bad(
          `parameter ${quote(name)} is ${kindOf(value)}, wanted a text: JSON for 'config', base64 for a file`,
        );
      parameters.push([name, toParameter(name, value)]);
    }
  }
  reader.end();
  // Own properties, whatever they are called.
  return Object.fromEntries(parameters);
}

function toParameter(name: string, value: string): Parameters[string] {
  if (!name.startsWith(FILE)) return { parameterChoice: { case: 'stringParam', value } };
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) throw bad(`parameter ${quote(name)} is no base64`);
  return { parameterChoice: { case: 'bytesParam', value: Buffer.from(value, 'base64') } };
}

function bad(message: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'parameters' });
}
