import { DATATYPE_BYTES } from '../core/datatype.js';
import { elementCount, type Tensor } from '../core/tensor.js';

const PREFIX_BYTES = 4;

/** Rows from `from` to before `to` of a tensor; a view. */
type Cut = (from: number, to: number) => Tensor;

/**
 * Cuts tensors, whose first dimension is the rows, into pieces of at most `most` rows. The pieces are views.
 * @returns undefined where their shapes, datatypes and bytes do not agree: for who checks them to say how
 */
export function cutRows(tensors: readonly Tensor[], most: number): Tensor[][] | undefined {
  const rows = tensors[0]?.shape[0] ?? 0;
  const cuts: Cut[] = [];
  for (const tensor of tensors) {
    const cut = tensor.shape[0] === rows ? cutterOf(tensor, rows) : undefined;
    if (cut === undefined) return undefined;
    cuts.push(cut);
  }
  const pieces: Tensor[][] = [];
  for (let from = 0; from < rows; from += most)
    pieces.push(cuts.map((cut) => cut(from, Math.min(rows, from + most))));
  return pieces;
}

function cutterOf({ name, datatype, shape, data }: Tensor, rows: number): Cut | undefined {
  const ofRow = shape.slice(1);
  const count = elementCount(ofRow);
  if (!Number.isSafeInteger(rows * count) || rows < 1 || count < 1) return undefined;
  const piece = (from: number, to: number, start: number, end: number): Tensor => ({
    name,
    datatype,
    shape: [to - from, ...ofRow],
    data: data.subarray(start, end),
  });
  if (datatype === 'BYTES') {
    const starts = rowStarts(data, rows, count);
    return starts && ((from, to) => piece(from, to, starts[from] as number, starts[to] as number));
  }
  const bytes = count * DATATYPE_BYTES[datatype];
  if (data.length !== rows * bytes) return undefined;
  return (from, to) => piece(from, to, from * bytes, to * bytes);
}

/** Where each row of strings begins, and the last one ends; undefined where there are not so many. */
function rowStarts(data: Uint8Array, rows: number, count: number): number[] | undefined {
  // No room for more rows than there can be.
  if (rows * count * PREFIX_BYTES > data.length) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const starts: number[] = [];
  let at = 0;
  for (let row = 0; row < rows; row++) {
    starts.push(at);
    for (let element = 0; element < count; element++) {
      if (at + PREFIX_BYTES > data.length) return undefined;
      at += PREFIX_BYTES + view.getUint32(at, true);
    }
  }
  starts.push(at);
  return at === data.length ? starts : undefined;
}

/**
 * Puts the outputs of pieces together again, row after row. Copies.
 * @returns undefined where they have no rows, or other shapes from piece to piece
 */
export function joinRows(pieces: readonly (readonly Tensor[])[]): Tensor[] | undefined {
  const [first = []] = pieces;
  const joined: Tensor[] = [];
  for (const [index, output] of first.entries()) {
    const parts = pieces.map((piece) => piece[index] as Tensor);
    const { name, datatype } = output;
    const ofRow = output.shape.slice(1);
    if (output.shape.length === 0) return undefined;
    let rows = 0;
    for (const { shape } of parts) {
      if (shape.slice(1).join() !== ofRow.join()) return undefined;
      rows += shape[0] as number;
    }
    joined.push({
      name,
      datatype,
      shape: [rows, ...ofRow],
      data: Buffer.concat(parts.map(({ data }) => data)),
    });
  }
  return joined;
}
