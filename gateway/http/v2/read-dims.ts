import { GatewayError } from '../../core/error.js';
import type { JsonReader } from '../json/reader.js';

/** More dimensions than any model has. */
const MAX_RANK = 64;

/** Reads the shape of an input. Throws INVALID_ARGUMENT for what is no dimension. */
export function readDims(reader: JsonReader, index: number): number[] {
  const shape: number[] = [];
  reader.beginArray();
  while (reader.element()) {
    if (shape.length >= MAX_RANK) throw bad(`has more than ${MAX_RANK} dimensions`, index);
    const dim = reader.number();
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw bad(
        `has the dimension ${reader.text.slice(reader.numberAt, reader.at).slice(0, 40)} at index ${shape.length}, wanted 0 to ${Number.MAX_SAFE_INTEGER} (${reader.place(reader.numberAt)})`,
        index,
      );
    shape.push(dim);
  }
  return shape;
}

function bad(problem: string, index: number): GatewayError {
  const field = `inputs[${index}].shape`;
  return new GatewayError('INVALID_ARGUMENT', `${field} ${problem}`, { reason: 'bad_request', field });
}
