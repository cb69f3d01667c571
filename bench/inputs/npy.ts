/**
 * Reads NumPy's .npy files, versions 1 to 3: magic, version, length of the header, a Python dictionary as text, then
 * the elements. Format: numpy.lib.format.
 */

export interface NpyArray {
  /** An Open Inference Protocol datatype. */
  readonly datatype: string;
  readonly shape: readonly number[];
  /** Little-endian elements in row-major order, a view on what was given. */
  readonly data: Uint8Array;
}

const DATATYPES: Readonly<Record<string, readonly [datatype: string, size: number]>> = {
  '|b1': ['BOOL', 1],
  '|i1': ['INT8', 1],
  '|u1': ['UINT8', 1],
  '<i2': ['INT16', 2],
  '<u2': ['UINT16', 2],
  '<i4': ['INT32', 4],
  '<u4': ['UINT32', 4],
  '<i8': ['INT64', 8],
  '<u8': ['UINT64', 8],
  '<f2': ['FP16', 2],
  '<f4': ['FP32', 4],
  '<f8': ['FP64', 8],
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Throws Error with what is wrong, without the file's name. */
export function readNpy(bytes: Uint8Array): NpyArray {
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new Error('it does not begin as a .npy file does; numpy.save writes such a file');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] as number;
  if (version < 1 || version > 3) throw new Error(`it is of .npy version ${version}; wanted 1, 2 or 3`);
  const wide = version > 1;
  if (wide && bytes.length < 12) throw new Error('it ends within its header');
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (start + length > bytes.length) throw new Error('it ends within its header');
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const { descr, shape } = readHeader(header);
  const known = Object.hasOwn(DATATYPES, descr) ? DATATYPES[descr] : undefined;
  if (known === undefined) {
    throw new Error(
      `its elements are ${JSON.stringify(descr)}; wanted one of ${Object.keys(DATATYPES).join(' ')} (in Python: array.astype("<f4"))`,
    );
  }
  const [datatype, size] = known;
  const wanted = shape.reduce((product, dim) => product * dim, size);
  const data = bytes.subarray(start + length);
  if (data.length !== wanted) {
    throw new Error(
      `it has ${data.length} bytes of elements; shape [${shape.join(', ')}] of ${datatype} wants ${wanted}`,
    );
  }
  return { datatype, shape, data };
}

/** The dictionary has three keys, in any order; nothing else of Python's syntax is needed. */
function readHeader(header: string): { descr: string; shape: number[] } {
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/.exec(header)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(header)?.[1];
  const dims = /['"]shape['"]\s*:\s*\(([\d\sL,]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || dims === undefined) {
    throw new Error('its header lacks descr, fortran_order or shape (structured arrays are not supported)');
  }
  if (order === 'True') {
    throw new Error('it is in Fortran order; wanted C order (in Python: numpy.ascontiguousarray)');
  }
  const shape = dims
    .split(',')
    .map((dim) => dim.trim().replace(/L$/, ''))
    .filter((dim) => dim !== '')
    .map(Number);
  if (!shape.every(Number.isSafeInteger)) throw new Error(`its shape (${dims}) is not made of integers`);
  return { descr, shape };
}
