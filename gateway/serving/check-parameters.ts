import { quote } from '../core/error.js';
import type { InferCall, ParameterValue } from '../core/infer-call.js';
import { refusal } from './refuse.js';

/** Whether a value is what a key wants, and the words for what it wants. */
interface Wanted {
  readonly words: string;
  is(value: ParameterValue): boolean;
}

const COUNT: Wanted = {
  words: 'an int64_param or uint64_param from 0 to 2^64 - 1',
  is: (value) => typeof value === 'bigint' && value >= 0n,
};
const FLAG: Wanted = { words: 'a bool_param', is: (value) => typeof value === 'boolean' };
const SEQUENCE: Wanted = {
  words: 'an int64_param or uint64_param from 0 to 2^64 - 1, or a string_param',
  is: (value) => typeof value === 'string' || COUNT.is(value),
};

/**
 * The request parameters that Triton gives a meaning, by key (its `grpc` and `sequence` extensions): tritonclient sends
 * `priority` as uint64 and `timeout`, in microseconds, as int64.
 */
const KNOWN: ReadonlyMap<string, Wanted> = new Map([
  ['priority', COUNT],
  ['timeout', COUNT],
  ['sequence_id', SEQUENCE],
  ['sequence_start', FLAG],
  ['sequence_end', FLAG],
  ['binary_data_output', FLAG],
]);

/** Refuses a known parameter of another type, or below 0, with INVALID_ARGUMENT. What is not known is the caller's own. */
export function checkParameters(call: InferCall): void {
  if (call.parameters.size === 0) return;
  for (const [key, value] of call.parameters) {
    const wanted = KNOWN.get(key);
    if (wanted === undefined || wanted.is(value)) continue;
    const message = `parameter '${key}' is ${describe(value)}, wanted ${wanted.words}`;
    throw refusal(call, `parameters['${key}']`, message);
  }
}

function describe(value: ParameterValue): string {
  if (typeof value === 'string') return `the text ${quote(value, 64)}`;
  return typeof value === 'number' ? `the double ${value}` : String(value);
}
