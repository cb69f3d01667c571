import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '../load/random.js';
import { type NodeSpec, onnxModel, type WeightSpec } from './onnx-builder.js';

/** The models that the benchmarks run, made by code: the same bytes for everybody, and nothing to download. */

/** One of them, as requests for it are made. */
export interface ZooModel {
  readonly name: string;
  /** Its only input, FP32. */
  readonly input: string;
  /** Dimensions of one row. */
  readonly rowShape: readonly number[];
}

export const SMALL_MLP: ZooModel = { name: 'mlp-256-1024-1024-10', input: 'X', rowShape: [256] };
export const HEAVY_MLP: ZooModel = { name: 'mlp-1024-4096-4096-1000', input: 'X', rowShape: [1024] };
export const CONVNET: ZooModel = { name: 'convnet', input: 'X', rowShape: [3, 32, 32] };
/** Takes rows of any width; 262144 elements are 1 MiB. */
export const IDENTITY: ZooModel = { name: 'identity', input: 'X', rowShape: [262_144] };

const BUILDERS: readonly (readonly [ZooModel, () => Uint8Array])[] = [
  [SMALL_MLP, () => mlp([256, 1024, 1024, 10])],
  [HEAVY_MLP, () => mlp([1024, 4096, 4096, 1000])],
  [CONVNET, convnet],
  [IDENTITY, identity],
];

/** Where a model lies in a repository that `makeZoo` has filled. */
export function modelPath(repository: string, model: ZooModel): string {
  return join(repository, model.name, '1', 'model.onnx');
}

/** Makes a repository of all of them; what is there already stays. About 110 MB, a few seconds. */
export async function makeZoo(repository: string): Promise<void> {
  for (const [model, build] of BUILDERS) {
    const path = modelPath(repository, model);
    if (existsSync(path)) continue;
    await mkdir(join(path, '..'), { recursive: true });
    // Whole or not at all: a run that is interrupted must not leave half a model to the next one.
    await writeFile(`${path}.tmp`, build());
    await rename(`${path}.tmp`, path);
  }
}

/** Fully connected layers with ReLU between them: FP32 `[N, first]` to `[N, last]`. */
function mlp(widths: readonly number[]): Uint8Array {
  const random = seededRandom(1);
  const nodes: NodeSpec[] = [];
  const weights: WeightSpec[] = [];
  let from = 'X';
  for (let i = 1; i < widths.length; i++) {
    const [rows, columns] = [widths[i - 1] as number, widths[i] as number];
    weights.push(weight(`W${i}`, [rows, columns], rows, random), weight(`b${i}`, [columns], rows, random));
    const last = i === widths.length - 1;
    nodes.push({ op: 'Gemm', inputs: [from, `W${i}`, `b${i}`], outputs: [last ? 'Y' : `z${i}`] });
    if (!last) nodes.push({ op: 'Relu', inputs: [`z${i}`], outputs: [`h${i}`] });
    from = `h${i}`;
  }
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', widths[0] as number] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', widths.at(-1) as number] }],
    nodes,
    weights,
  });
}

/** Three convolutions over a 32x32 image, a mean over its area and a layer of ten classes. */
function convnet(): Uint8Array {
  const random = seededRandom(2);
  const channels = [3, 16, 32, 64];
  const nodes: NodeSpec[] = [];
  const weights: WeightSpec[] = [];
  let from = 'X';
  for (let i = 1; i < channels.length; i++) {
    const [before, after] = [channels[i - 1] as number, channels[i] as number];
    weights.push(weight(`W${i}`, [after, before, 3, 3], before * 9, random));
    const attributes = [
      { name: 'pads', ints: [1, 1, 1, 1] },
      { name: 'strides', ints: i === 1 ? [1, 1] : [2, 2] },
    ];
    nodes.push({ op: 'Conv', inputs: [from, `W${i}`], outputs: [`z${i}`], attributes });
    nodes.push({ op: 'Relu', inputs: [`z${i}`], outputs: [`h${i}`] });
    from = `h${i}`;
  }
  weights.push(weight('W', [64, 10], 64, random), weight('b', [10], 64, random));
  nodes.push(
    { op: 'GlobalAveragePool', inputs: [from], outputs: ['mean'] },
    { op: 'Flatten', inputs: ['mean'], outputs: ['features'] },
    { op: 'Gemm', inputs: ['features', 'W', 'b'], outputs: ['Y'] },
  );
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 3, 32, 32] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 10] }],
    nodes,
    weights,
  });
}

/** `Y = X` for FP32 `[N, any]`. */
function identity(): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 'width'] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 'width'] }],
    nodes: [{ op: 'Identity', inputs: ['X'], outputs: ['Y'] }],
  });
}

/** Uniform and small enough that activations neither grow nor die out on their way. */
function weight(name: string, shape: readonly number[], fanIn: number, random: () => number): WeightSpec {
  const values = new Float32Array(shape.reduce((count, dim) => count * dim, 1));
  const limit = Math.sqrt(6 / fanIn);
  for (let i = 0; i < values.length; i++) values[i] = (random() * 2 - 1) * limit;
  return { name, type: 'FP32', shape, values };
}
