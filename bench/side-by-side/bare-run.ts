import { InferenceSession, Tensor } from 'onnxruntime-node';

/**
 * The other baseline, in a process of its own: nothing but `session.run` in a loop, same model, same batch, one thread.
 * Arguments: model file, input name, shape as JSON, milliseconds. Prints a line of JSON.
 */
export interface BareRun {
  readonly runs: number;
  /** Of the whole process, over the loop. */
  readonly cpuMs: number;
  readonly p50Ms: number;
}

const WARM_UP_MS = 300;

const [path = '', input = '', shape = '[]', ms = '0'] = process.argv.slice(2);
process.stdout.write(
  `${JSON.stringify(await bareRun(path, input, JSON.parse(shape) as number[], Number(ms)))}\n`,
);

async function bareRun(
  path: string,
  input: string,
  shape: readonly number[],
  durationMs: number,
): Promise<BareRun> {
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
  const data = Float32Array.from({ length: shape.reduce((n, dim) => n * dim, 1) }, (_, i) => (i % 7) / 7);
  const feeds = { [input]: new Tensor('float32', data, shape) };
  // A model whose outputs are not all tensors (a ZipMap) is asked for its first one only.
  const fetches = session.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  await loop(WARM_UP_MS);
  const before = process.cpuUsage();
  const times = await loop(durationMs);
  const { user, system } = process.cpuUsage(before);
  times.sort((a, b) => a - b);
  return { runs: times.length, cpuMs: (user + system) / 1e3, p50Ms: times[times.length >> 1] ?? 0 };

  async function loop(forMs: number): Promise<number[]> {
    const took: number[] = [];
    const until = performance.now() + forMs;
    for (let now = performance.now(); now < until; ) {
      await session.run(feeds, fetches);
      const end = performance.now();
      took.push(end - now);
      now = end;
    }
    return took;
  }
}
