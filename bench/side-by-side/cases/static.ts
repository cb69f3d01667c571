import { join } from 'node:path';
import { CONVNET, HEAVY_MLP, modelPath, SMALL_MLP, type ZooModel } from '../../models/zoo.js';
import type { Bench, BenchCase } from '../bench.js';
import { compareStatic } from '../static/compare.js';

/** Zero configuration against the best static setting, on models whose knees lie between 1 row and 64. */

/** Beside the repository of the zoo, which is served whole by other benchmarks. */
const madeIn = ({ zoo }: Bench, from: string): string => join(zoo, '../made-pairs', from);

function zooCase(from: string, model: ZooModel, patience = 1): BenchCase {
  return {
    name: from,
    run: (bench) =>
      compareStatic(bench, {
        from,
        directory: join(bench.zoo, model.name),
        path: modelPath(bench.zoo, model),
        ...model,
        made: madeIn(bench, from),
        patience,
      }),
  };
}

export const staticIris: BenchCase = {
  name: 'iris',
  run: (bench) =>
    compareStatic(bench, {
      from: 'iris',
      directory: bench.irisModel,
      name: 'iris',
      path: join(bench.irisModel, '2', 'model.onnx'),
      input: 'X',
      rowShape: [4],
      made: madeIn(bench, 'iris'),
    }),
};

export const staticHeavy = zooCase('heavy', HEAVY_MLP, 1.5);
export const staticSmall = zooCase('small', SMALL_MLP);
export const staticConvolutions = zooCase('convnet', CONVNET);
