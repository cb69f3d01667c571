import { GatewayError, quote } from '../core/error.js';
import { nearest } from '../core/nearest.js';
import { isList, isRecord, type Value } from './value.js';

/** Names that a message lists before it says how many more there are. */
const MAX_NAMES = 12;

/** What somebody sent does not fit the model. */
export function unfit(problem: string, field?: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', problem, {
    reason: 'bad_request',
    ...(field !== undefined && { field }),
  });
}

/** `, did you mean 'age'?` where a name is near, else what names there are. */
export function advice(given: string, names: readonly string[], what: string): string {
  const near = nearest(given, names);
  return near === undefined ? `; ${what} ${listed(names)}` : `, did you mean ${quote(near)}?`;
}

/** Names with commas between them, cut where they are many. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => quote(name, 60));
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return `${shown.join(', ')}${more}`;
}

/** A value in words, for messages: short, on one line. */
export function inWords(value: Value): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint')
    return `the number ${String(value).slice(0, 40)}`;
  if (typeof value === 'string') return `the text ${quote(value, 40)}`;
  if (isList(value)) return `a list of ${value.length}`;
  return isRecord(value) ? 'an object' : 'nothing';
}
