/**
 * The Huffman code of HPACK (RFC 7541, appendix B), decoding only. The code is canonical: codes of one length are given
 * out in the order of their symbols, so the lengths alone define it.
 */

/** Bits of each byte's code, 16 a line; the end-of-string symbol (256) has 30. */
const LENGTHS = [
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  30,
];
const END_OF_STRING = 256;

/** A binary tree: node n has its children at 2n and 2n + 1; a child is a node, or ~symbol at a leaf; 0 is none. */
const TREE = buildTree();

function buildTree(): readonly number[] {
  const tree: number[] = [0, 0];
  const symbols = [...LENGTHS.keys()].sort(
    (a, b) => (LENGTHS[a] as number) - (LENGTHS[b] as number) || a - b,
  );
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    const bits = LENGTHS[symbol] as number;
    code *= 2 ** (bits - length);
    length = bits;
    insert(tree, code, bits, symbol);
    code++;
  }
  return tree;
}

function insert(tree: number[], code: number, bits: number, symbol: number): void {
  let node = 0;
  for (let bit = bits - 1; bit > 0; bit--) {
    const at = 2 * node + ((code >>> bit) & 1);
    if (tree[at] === 0) {
      tree[at] = tree.length / 2;
      tree.push(0, 0);
    }
    node = tree[at] as number;
  }
  tree[2 * node + (code & 1)] = ~symbol;
}

/**
 * Decodes a Huffman-coded string into latin1 text.
 * @throws Error for padding of more than 7 bits or other than ones, and for a coded end-of-string symbol.
 */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string {
  const out: number[] = [];
  let node = 0;
  let pending = 0;
  let onlyOnes = true;
  for (let i = from; i < to; i++) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = ((bytes[i] as number) >>> bit) & 1;
      const next = TREE[2 * node + one] as number;
      pending++;
      onlyOnes &&= one === 1;
      if (next >= 0) {
        node = next;
        continue;
      }
      if (~next === END_OF_STRING) throw new Error('HPACK: a string holds the end-of-string symbol');
      out.push(~next);
      node = 0;
      pending = 0;
      onlyOnes = true;
    }
  }
  if (pending > 7 || !onlyOnes) throw new Error('HPACK: a Huffman string ends with wrong padding');
  return Buffer.from(out).toString('latin1');
}
