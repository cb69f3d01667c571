import { ConnectionError, StreamError } from './errors.js';
import { FLAG, H2_ERROR, readUint32 } from './frames.js';

/** A header block of more bytes, or in more pieces, is an attack: it ends the connection. */
const MAX_BLOCK_BYTES = 128 * 1024;
const MAX_PIECES = 64;

/** Called for each whole block: `bytes` from `start` to `end`. */
type OnBlock = (stream: number, ends: boolean, bytes: Buffer, start: number, end: number) => void;

/** Puts HEADERS and its CONTINUATIONs together (RFC 9113, sections 6.2 and 6.10). */
export class HeaderBlocks {
  readonly #onBlock: OnBlock;
  /** The stream whose block is not complete: nothing else may come between. */
  stream = 0;
  #ends = false;
  #selfDependent = false;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(onBlock: OnBlock) {
    this.#onBlock = onBlock;
  }

  get open(): boolean {
    return this.stream !== 0;
  }

  headers(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw new ConnectionError(H2_ERROR.protocolError, 'HEADERS on the connection');
    let from = start;
    let to = end;
    if ((flags & FLAG.padded) !== 0) to -= bytes[from++] as number;
    let selfDependent = false;
    if ((flags & FLAG.priority) !== 0) {
      selfDependent = from + 4 <= to && (readUint32(bytes, from) & 0x7fffffff) === id;
      from += 5;
    }
    if (from > to) throw new ConnectionError(H2_ERROR.protocolError, 'more padding than payload');
    const ends = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) {
      this.#whole(id, ends, selfDependent, bytes, from, to);
      return;
    }
    this.stream = id;
    this.#ends = ends;
    this.#selfDependent = selfDependent;
    this.#pieces = [];
    this.#bytes = 0;
    this.#add(bytes, from, to);
  }

  continuation(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (!this.open) throw new ConnectionError(H2_ERROR.protocolError, 'CONTINUATION of nothing');
    this.#add(bytes, start, end);
    if ((flags & FLAG.endHeaders) === 0) return;
    const block = Buffer.concat(this.#pieces);
    this.stream = 0;
    this.#pieces = [];
    this.#whole(id, this.#ends, this.#selfDependent, block, 0, block.length);
  }

  #add(bytes: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#bytes > MAX_BLOCK_BYTES || this.#pieces.length >= MAX_PIECES)
      throw new ConnectionError(H2_ERROR.enhanceYourCalm, 'a header block without end');
    // A copy: the block may take a while to be complete, and would keep what came with it.
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
  }

  #whole(id: number, ends: boolean, selfDependent: boolean, bytes: Buffer, start: number, end: number): void {
    this.#onBlock(id, ends, bytes, start, end);
    if (selfDependent) throw new StreamError(H2_ERROR.protocolError, id, 'a stream depends on itself');
  }
}
