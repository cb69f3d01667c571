import { GatewayError } from '../../core/error.js';
import type { ParameterValue } from '../../core/infer-call.js';
import type { JsonReader } from '../json/reader.js';
import { kindOf, readValue } from '../json/value.js';

/** Most parameters of a request, an input or an output. */
const MAX_PARAMETERS = 1000;

/** Reads parameters: whole numbers are `int64_param`s of gRPC, others doubles. Throws INVALID_ARGUMENT for lists and objects. */
export function readParameters(reader: JsonReader): Map<string, ParameterValue> {
  const parameters = new Map<string, ParameterValue>();
  reader.beginObject();
  for (let key = reader.key(); key !== undefined; key = reader.key()) {
    if (parameters.size >= MAX_PARAMETERS) throw bad(`more than ${MAX_PARAMETERS} parameters`);
    reader.peek();
    const { at } = reader;
    const value = readValue(reader);
    if (value === null) continue;
    if (typeof value === 'number' && reader.whole) parameters.set(key, BigInt(value));
    else if (typeof value === 'object')
      throw bad(
        `a parameter is ${kindOf(value)}, wanted a number, a text, true or false (${reader.place(at)})`,
      );
    else parameters.set(key, value);
  }
  return parameters;
}

function bad(message: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'parameters' });
}
