import { IDENTITY } from '../../models/zoo.js';
import { type BenchCase, interleave, type Load, measure, warmUp, withServers } from '../bench.js';
import { finding } from '../finding.js';
import { type ServerUnderTest, startSluice } from '../processes.js';
import { type Contents, type RequestSpec, requestsFor } from '../requests.js';
import { median } from '../statistics.js';

const us = (ms: number): string => `${(ms * 1e3).toFixed(1)} us`;

/** What is compared, and how Predict's tensors travel there. */
const ROWS: readonly (readonly [what: string, spec: RequestSpec, contents: Contents, calls: Calls])[] = [
  [
    'iris, 1 row, tensor_content',
    { model: 'iris', input: 'X', shape: [1, 4] },
    'tensor_content',
    { connections: 10, streams: 10 },
  ],
  [
    'iris, 1 row, float_val',
    { model: 'iris', input: 'X', shape: [1, 4] },
    'float_val',
    { connections: 10, streams: 10 },
  ],
  [
    'identity, 256 KiB, tensor_content',
    { model: IDENTITY.name, input: IDENTITY.input, shape: [1, 65_536], variants: 2 },
    'tensor_content',
    { connections: 4, streams: 2 },
  ],
];

type Calls = Pick<Load, 'connections' | 'streams'>;

/** Predict of TensorFlow Serving against ModelInfer: the same rows on the same server, answers typed as there. */
export const predict: BenchCase = {
  name: 'predict',
  run: (bench) =>
    withServers(
      [startSluice(bench.cores.one, [bench.irisModel, bench.zoo], bench.nodeArgs)],
      async (...servers) => {
        const [server] = servers as [ServerUnderTest];
        const findings = [];
        for (const [what, spec, contents, calls] of ROWS) {
          const tfs: Load = { template: requestsFor({ ...spec, contents }), ...calls };
          const oip: Load = { template: requestsFor(spec), ...calls };
          await warmUp(bench, server, tfs);
          await warmUp(bench, server, oip);
          const pairs = await interleave(
            bench.effort.rounds,
            () => measure(bench, server, tfs),
            () => measure(bench, server, oip),
          );
          const [a, b] = [0, 1].map((i) => median(pairs.map((pair) => pair[i as 0 | 1].cpuMsPerCall)));
          findings.push(
            finding({
              from: 'predict',
              what: `${what}: CPU per call of Predict / ModelInfer`,
              unit: 'x',
              bar: { kind: 'at most', limit: 1.15 },
              rounds: pairs.map(([left, right]) => left.cpuMsPerCall / right.cpuMsPerCall),
              detail: `${us(a as number)} against ${us(b as number)} a call`,
            }),
          );
        }
        return findings;
      },
    ),
};
