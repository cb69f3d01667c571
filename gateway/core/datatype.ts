/** Datatypes by their Open Inference Protocol names, with the size of one element in bytes. BYTES has none. */
export const DATATYPE_BYTES = {
  BOOL: 1,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  UINT16: 2,
  FP16: 2,
  BF16: 2,
  INT32: 4,
  UINT32: 4,
  FP32: 4,
  INT64: 8,
  UINT64: 8,
  FP64: 8,
  BYTES: 0,
} as const;

/** A datatype's Open Inference Protocol name. */
export type Datatype = keyof typeof DATATYPE_BYTES;

/** Whether this is a datatype's name at all, served or not. */
export function isDatatype(name: string): name is Datatype {
  return Object.hasOwn(DATATYPE_BYTES, name);
}

/**
 * The datatypes that are served; any other is refused by name when the model is prepared. It is BF16 alone, which
 * onnxruntime-node can neither take nor give.
 */
export const SERVED_DATATYPES: ReadonlySet<Datatype> = new Set(
  Object.keys(DATATYPE_BYTES)
    .filter(isDatatype)
    .filter((name) => name !== 'BF16'),
);
