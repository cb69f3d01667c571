import type { Datatype } from '../../core/datatype.js';
import type { Tensor } from '../../core/tensor.js';
import type { RowValues } from '../../tabular/row-collector.js';
import type { Scalar } from '../../tabular/value.js';
import { ByteWriter } from '../json/byte-writer.js';

/** Bytes of an element; 0 where they differ. */
const SIZES: Readonly<Record<string, number>> = {
  BOOL: 1,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  UINT16: 2,
  FP16: 2,
  INT32: 4,
  UINT32: 4,
  FP32: 4,
  INT64: 8,
  UINT64: 8,
  FP64: 8,
};

/** Rows as the tensors of a request. Their values fit their datatypes: whoever read them has seen to it. */
export function rowTensors({ inputs }: RowValues): Tensor[] {
  return inputs.map(({ name, datatype, shape, values }) => {
    const size = SIZES[datatype] ?? 0;
    const writer = new ByteWriter(values.length * size);
    for (const value of values) put(writer, datatype, size, value);
    return { name, datatype: datatype as Datatype, shape, data: writer.finish() };
  });
}

function put(writer: ByteWriter, datatype: string, size: number, value: Scalar): void {
  if (typeof value === 'string') writer.text(value, 'utf8');
  else if (typeof value === 'object') writer.text(Buffer.from(value).toString('base64'), 'base64');
  else if (datatype === 'FP16') writer.float16(Number(value));
  else if (datatype === 'FP32') writer.float32(Number(value));
  else if (datatype === 'FP64') writer.float64(Number(value));
  else if (typeof value === 'bigint' && size === 8) writer.bigint64(value);
  else if (size === 8) writer.int64(Number(value));
  else writer.int(Number(value), size);
}
