import type { InferCall } from '../core/infer-call.js';

/**
 * Whose call it is, for who asks which caller takes how much: whom its metadata names; else the name in its client's certificate, or
 * the address that it came from. `''` where nobody knows.
 */
export function countedAs({ caller, peer }: Pick<InferCall, 'caller' | 'peer'>): string {
  if (caller) return caller;
  if (peer === undefined || peer === '') return '';
  // The transport's form: `10.0.0.7:1234`, `[::1]:1234`, `unix`, each perhaps with ` as 'name'`.
  const named = peer.indexOf(' as ');
  if (named >= 0) return `certificate ${peer.slice(named + 4)}`;
  const colon = peer.lastIndexOf(':');
  return `address ${colon < 0 || peer.endsWith(']') ? peer : peer.slice(0, colon)}`;
}
