import { type AttributeSpec, type OnnxType, onnxModel } from '../../bench/models/onnx-builder.js';

export * from '../../bench/models/onnx-builder.js';

/** Small models for tests. */

/** `Y = X` for any datatype: the echo model. The shape's batch dimension comes first; @default ['N', 4] */
export function identityModel(type: OnnxType = 'FP32', shape: readonly (number | string)[] = ['N', 4]) {
  return onnxModel({
    inputs: [{ name: 'X', type, shape }],
    outputs: [{ name: 'Y', type, shape }],
    nodes: [{ op: 'Identity', inputs: ['X'], outputs: ['Y'] }],
  });
}

/** `Y = X` for strings, by way of an operator that reads them: what the echo model's strings are spared. */
export function readStringsModel(shape: readonly (number | string)[] = ['N', 4]) {
  return onnxModel({
    inputs: [{ name: 'X', type: 'BYTES', shape }],
    outputs: [{ name: 'Y', type: 'BYTES', shape }],
    nodes: [{ op: 'Concat', inputs: ['X'], outputs: ['Y'], attributes: [{ name: 'axis', int: 0 }] }],
  });
}

/** `Y = X + amount` on FP32 `[N, width]`: two versions of a model that can be told apart by their answers. */
export function addModel(amount: number, width = 4) {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', width] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', width] }],
    weights: [{ name: 'amount', type: 'FP32', shape: [1], values: [amount] }],
    nodes: [{ op: 'Add', inputs: ['X', 'amount'], outputs: ['Y'] }],
  });
}

/** FP32 `[N, width]` times a square weight, `layers` times over: a model that takes a while. */
export function matMulModel(width: number, layers = 1) {
  // By index: the weights of a large one would take seconds as a list.
  const values = new Float32Array(width * width);
  for (let i = 0; i < values.length; i++) values[i] = ((i % 7) - 3) / width;
  const names = Array.from({ length: layers + 1 }, (_, i) => (i === 0 ? 'X' : i === layers ? 'Y' : `h${i}`));
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', width] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', width] }],
    weights: [{ name: 'W', type: 'FP32', shape: [width, width], values }],
    nodes: Array.from({ length: layers }, (_, i) => ({
      op: 'MatMul',
      inputs: [names[i] as string, 'W'],
      outputs: [names[i + 1] as string],
    })),
  });
}

/** `Y = X - mean of the batch`: batching changes its answers. */
export function batchDependentModel(width = 4) {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', width] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', width] }],
    nodes: [
      {
        op: 'ReduceMean',
        inputs: ['X'],
        outputs: ['mean'],
        attributes: [
          { name: 'axes', ints: [0] },
          { name: 'keepdims', int: 1 },
        ],
      },
      { op: 'Sub', inputs: ['X', 'mean'], outputs: ['Y'] },
    ],
  });
}

/** `Y = table[I]` with INT64 indices `[N, 1]`: an index outside the table fails the run. */
export function gatherModel(entries = 8) {
  return onnxModel({
    inputs: [{ name: 'I', type: 'INT64', shape: ['N', 1] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 1] }],
    weights: [
      {
        name: 'table',
        type: 'FP32',
        shape: [entries],
        values: Array.from({ length: entries }, (_, i) => i * 10),
      },
    ],
    nodes: [{ op: 'Gather', inputs: ['table', 'I'], outputs: ['Y'] }],
  });
}

/** A linear classifier of three classes as scikit-learn exports one: `label` and, through a ZipMap, `probabilities`. */
export function zipMapModel(
  labels: readonly string[] | readonly number[] = ['setosa', 'versicolor', 'virginica'],
) {
  const strings = labels.every((label) => typeof label === 'string');
  const classes: AttributeSpec = strings
    ? { name: 'classlabels_strings', strings: labels }
    : { name: 'classlabels_ints', ints: labels as readonly number[] };
  const zipped: AttributeSpec = strings
    ? classes
    : { name: 'classlabels_int64s', ints: labels as readonly number[] };
  return onnxModel({
    domains: { 'ai.onnx.ml': 1 },
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'label', type: strings ? 'BYTES' : 'INT64', shape: ['N'] }, { name: 'probabilities' }],
    nodes: [
      {
        op: 'LinearClassifier',
        domain: 'ai.onnx.ml',
        inputs: ['X'],
        outputs: ['label', 'scores'],
        attributes: [
          { name: 'coefficients', floats: labels.flatMap((_, c) => [c - 1, 1 - c, c, 0.5]) },
          { name: 'intercepts', floats: labels.map((_, c) => c / 10) },
          { name: 'post_transform', string: 'SOFTMAX' },
          classes,
        ],
      },
      {
        op: 'ZipMap',
        domain: 'ai.onnx.ml',
        inputs: ['scores'],
        outputs: ['probabilities'],
        attributes: [zipped],
      },
    ],
  });
}

/** `Y = X`, by way of that many bytes of FP32: takes memory when it is run, not when it is loaded. */
export function memoryBombModel(bytes: number) {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 4] }],
    weights: [{ name: 'size', type: 'INT64', shape: [1], values: [Math.floor(bytes / 4)] }],
    nodes: [
      { op: 'ReduceMax', inputs: ['X'], outputs: ['one'], attributes: [{ name: 'keepdims', int: 0 }] },
      { op: 'Expand', inputs: ['one', 'size'], outputs: ['many'] },
      { op: 'ReduceMax', inputs: ['many'], outputs: ['same'], attributes: [{ name: 'keepdims', int: 0 }] },
      { op: 'Sub', inputs: ['same', 'one'], outputs: ['zero'] },
      { op: 'Add', inputs: ['X', 'zero'], outputs: ['Y'] },
    ],
  });
}

/** `Y = X`, by way of that many bytes for each row: what a batch takes grows with it. */
export function rowBombModel(bytesPerRow: number) {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 4] }],
    weights: [
      { name: 'deep', type: 'INT64', shape: [3], values: [0, 4, 1] },
      { name: 'size', type: 'INT64', shape: [3], values: [1, 1, Math.floor(bytesPerRow / 16)] },
    ],
    nodes: [
      { op: 'Reshape', inputs: ['X', 'deep'], outputs: ['row'] },
      { op: 'Expand', inputs: ['row', 'size'], outputs: ['many'] },
      {
        op: 'ReduceMax',
        inputs: ['many'],
        outputs: ['Y'],
        attributes: [
          { name: 'axes', ints: [2] },
          { name: 'keepdims', int: 0 },
        ],
      },
    ],
  });
}

/** Goes on for ever on a row whose sizes sum up to 4: four times -1, which the warm-up takes and chance never does. */
export function endlessModel() {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 4] }],
    weights: [
      { name: 'four', type: 'FP32', shape: [], values: [4] },
      { name: 'turns', type: 'INT64', shape: [], values: [Number.MAX_SAFE_INTEGER] },
    ],
    nodes: [
      {
        op: 'ReduceL1',
        inputs: ['X'],
        outputs: ['sum'],
        attributes: [{ name: 'keepdims', int: 0 }],
      },
      { op: 'Equal', inputs: ['sum', 'four'], outputs: ['again'] },
      {
        op: 'Loop',
        inputs: ['turns', 'again', 'X'],
        outputs: ['Y'],
        attributes: [
          {
            name: 'body',
            graph: {
              inputs: [
                { name: 'i', type: 'INT64', shape: [] },
                { name: 'c', type: 'BOOL', shape: [] },
                { name: 'x', type: 'FP32', shape: ['N', 4] },
              ],
              outputs: [
                { name: 'c2', type: 'BOOL', shape: [] },
                { name: 'x2', type: 'FP32', shape: ['N', 4] },
              ],
              nodes: [
                { op: 'Identity', inputs: ['c'], outputs: ['c2'] },
                { op: 'Identity', inputs: ['x'], outputs: ['x2'] },
              ],
            },
          },
        ],
      },
    ],
  });
}

/** `Y` = the elements of X below 1000: a row that is not below disappears. No made-up input does that. */
export function vanishingModel(): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N'] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N'] }],
    weights: [{ name: 'limit', type: 'FP32', shape: [1], values: [1000] }],
    nodes: [
      { op: 'Less', inputs: ['X', 'limit'], outputs: ['below'] },
      { op: 'Compress', inputs: ['X', 'below'], outputs: ['Y'] },
    ],
  });
}
