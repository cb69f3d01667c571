/** A whole answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** Reads one HTTP/1.1 answer that says its content-length, as far as a load generator needs it. */
export class AnswerReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** @returns the answer once its last byte is there. Throws Error for an answer without a length. */
  push(chunk: Buffer): HttpAnswer | undefined {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const end = this.#bytes.indexOf(HEAD_END);
    if (end < 0) return undefined;
    const head = this.#bytes.toString('latin1', 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined)
      throw new Error(`The answer does not say how long it is: ${head.slice(0, 200)}`);
    const bodyAt = end + HEAD_END.length;
    if (this.#bytes.length < bodyAt + Number(length)) return undefined;
    return {
      status: Number(head.slice(9, 12)),
      body: this.#bytes.toString('utf8', bodyAt, bodyAt + Number(length)),
    };
  }
}
