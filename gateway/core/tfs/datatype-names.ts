import type { Datatype } from '../datatype.js';

/** The datatypes by their names in TensorFlow's messages, and their numbers in its `DataType`. */
const TENSORFLOW: Readonly<Record<Datatype, readonly [number: number, name: string]>> = {
  FP32: [1, 'float'],
  FP64: [2, 'double'],
  INT32: [3, 'int32'],
  UINT8: [4, 'uint8'],
  INT16: [5, 'int16'],
  INT8: [6, 'int8'],
  BYTES: [7, 'string'],
  INT64: [9, 'int64'],
  BOOL: [10, 'bool'],
  BF16: [14, 'bfloat16'],
  UINT16: [17, 'uint16'],
  FP16: [19, 'half'],
  UINT32: [22, 'uint32'],
  UINT64: [23, 'uint64'],
};

const BY_NUMBER: readonly (Datatype | undefined)[] = (() => {
  const table: (Datatype | undefined)[] = [];
  for (const [datatype, [number]] of Object.entries(TENSORFLOW)) table[number] = datatype as Datatype;
  return table;
})();

/** A datatype's number in TensorFlow's `DataType`. */
export function tensorflowNumber(datatype: Datatype): number {
  return TENSORFLOW[datatype][0];
}

/** A datatype as TensorFlow's messages name it: `float`, `string`. */
export function tensorflowName(datatype: Datatype): string {
  return TENSORFLOW[datatype][1];
}

/** The datatype of a number in TensorFlow's `DataType`; undefined for one that no model here can have. */
export function datatypeOf(number: number): Datatype | undefined {
  return BY_NUMBER[number];
}
