import type { InferCall } from '../core/infer-call.js';

/** Connections whose name is kept; as many are looked at anew when there are more. */
const MAX_KEPT = 2000;

/** Whose call it is, for who asks which caller takes how much. */
export class CallerNames {
  /** By the transport's name for the connection, which is the same string for all of its calls: to cut it up each time costs 0.4 us. */
  readonly #ofPeer = new Map<string, string>();

  /** Whom the call's metadata names; else the name in its client's certificate, or the address that it came from; `''` where nobody knows. */
  of({ caller, peer }: Pick<InferCall, 'caller' | 'peer'>): string {
    if (caller) return caller;
    if (peer === undefined || peer === '') return '';
    const known = this.#ofPeer.get(peer);
    if (known !== undefined) return known;
    if (this.#ofPeer.size >= MAX_KEPT) this.#ofPeer.clear();
    const name = nameOf(peer);
    this.#ofPeer.set(peer, name);
    return name;
  }
}

/** Of the transport's form: `10.0.0.7:1234`, `[::1]:1234`, `unix`, each perhaps with ` as 'name'`. */
function nameOf(peer: string): string {
  const named = peer.indexOf(' as ');
  if (named >= 0) return `certificate ${peer.slice(named + 4)}`;
  const colon = peer.lastIndexOf(':');
  return `address ${colon < 0 || peer.endsWith(']') ? peer : peer.slice(0, colon)}`;
}
