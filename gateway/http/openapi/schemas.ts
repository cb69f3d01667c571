/** JSON Schemas (2020-12, as OpenAPI 3.1 has them) of the bodies that have a form of their own. */

const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;
const dims = { type: 'array', items: { type: 'integer', minimum: 0 } } as const;
const object = (properties: object, required: readonly string[] = []) => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
});

const tensor = (data: object) =>
  object(
    {
      name: text,
      shape: dims,
      datatype: {
        enum: 'BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 BYTES'.split(' '),
      },
      parameters: { type: 'object' },
      data,
    },
    ['name', 'shape', 'datatype'],
  );

/** By name. */
export const SCHEMAS = {
  Any: { description: 'JSON' },
  Text: text,
  Bytes: {
    description: 'JSON, as long as Inference-Header-Content-Length says, and the bytes of tensors behind it',
  },
  Error: object({ error: text, code: text }, ['error', 'code']),
  ModelMetadata: object(
    { name: text, versions: texts, platform: text, inputs: { type: 'array' }, outputs: { type: 'array' } },
    ['name', 'inputs', 'outputs'],
  ),
  InferRequest: object(
    {
      id: text,
      parameters: { type: 'object' },
      inputs: {
        type: 'array',
        items: tensor({ type: 'array', description: 'flat, or nested as the shape says' }),
      },
      outputs: { type: 'array', items: object({ name: text, parameters: { type: 'object' } }, ['name']) },
    },
    ['inputs'],
  ),
  InferResponse: object(
    {
      id: text,
      model_name: text,
      model_version: text,
      outputs: { type: 'array', items: tensor({ type: 'array', description: 'flat' }) },
    },
    ['model_name', 'model_version', 'outputs'],
  ),
  V1PredictRequest: object({
    signature_name: text,
    instances: { type: 'array', description: 'a value, or an object by input, for each row' },
    inputs: { description: 'a tensor, or an object of tensors; in place of instances' },
  }),
  V1PredictResponse: object({ predictions: { type: 'array' }, outputs: {} }),
  V1Examples: object(
    {
      signature_name: text,
      context: { type: 'object' },
      examples: { type: 'array', items: { type: 'object' } },
    },
    ['examples'],
  ),
  Rows: {
    description:
      'a row, a list of rows, a record, a list of records, or columns by name; also inside {"instances": …}',
  },
  Invocation: object({
    dataframe_split: object({ columns: texts, data: { type: 'array' } }, ['data']),
    dataframe_records: { type: 'array', items: { type: 'object' } },
    instances: {},
    inputs: {},
  }),
  Predictions: object(
    {
      model: text,
      version: { type: 'integer' },
      predictions: { type: 'array' },
      outputs: { type: 'object' },
    },
    ['predictions'],
  ),
} as const;
