import type { InferResult } from '../core/infer-call.js';
import { InferResponse } from './infer-response.js';
import { stringFieldSize, varintSize, WireWriter } from './wire-writer.js';

const FINAL_KEY = 'triton_final_response';

/** Field `parameters` of a ModelInferResponse: this answer is its request's last, as each is here, where no model is decoupled. */
const FINAL = finalParameter();

function finalParameter(): Buffer {
  // An InferParameter whose bool_param is true.
  const value = Buffer.from([0x08, 0x01]);
  const entry = stringFieldSize(FINAL_KEY) + 2 + value.length;
  const bytes = Buffer.alloc(2 + entry);
  const writer = new WireWriter(bytes, 0, bytes.length);
  writer.head(4, entry);
  writer.string(1, FINAL_KEY);
  writer.bytes(2, value);
  writer.finish();
  return bytes;
}

/** Bytes of a ModelStreamInferResponse with this answer. Afterwards the answer's outputs may be empty: they are given back. */
export function encodeStreamAnswer(result: InferResult): Buffer {
  const answer = new InferResponse(result);
  const inner = answer.byteLength + FINAL.length;
  const head = 1 + varintSize(inner);
  const bytes = Buffer.allocUnsafe(head + inner);
  new WireWriter(bytes, 0, head).head(2, inner);
  answer.copy(bytes, head);
  FINAL.copy(bytes, head + answer.byteLength);
  return bytes;
}

/** Bytes of a ModelStreamInferResponse that says why the request of this id failed. */
export function encodeStreamError(message: string, id: string): Buffer {
  const inner = stringFieldSize(id) + FINAL.length;
  const head = stringFieldSize(message) + 1 + varintSize(inner);
  const bytes = Buffer.allocUnsafe(head + inner);
  const writer = new WireWriter(bytes, 0, bytes.length - FINAL.length);
  writer.string(1, message);
  writer.head(2, inner);
  writer.string(3, id);
  writer.finish();
  FINAL.copy(bytes, bytes.length - FINAL.length);
  return bytes;
}
