import { setTimeout as sleep } from 'node:timers/promises';
import { IDENTITY } from '../../models/zoo.js';
import { type BenchCase, interleave, withServers } from '../bench.js';
import { threadTimes, totalMs, usedMs } from '../cpu.js';
import { finding } from '../finding.js';
import { closedHttp, type HttpTarget } from '../peers/http-load.js';
import { type ServerUnderTest, startFastifyEcho, startSluice } from '../processes.js';
import { median } from '../statistics.js';

const us = (ms: number): string => `${(ms * 1e3).toFixed(1)} us`;

/** Calls that are open at once, each on a connection of its own. */
const CONNECTIONS = 64;

type Body = Pick<HttpTarget, 'path' | 'body' | 'headers'>;

const BODIES: readonly (readonly [what: string, limit: number, body: Body])[] = [
  ['iris, 1 row of JSON', 1.35, irisBody()],
  ['identity, 64 KiB of bytes', 1.25, bytesBody(16_384)],
];

/** HTTP against a bare Fastify that gives the same bodies back. */
export const http: BenchCase = {
  name: 'http',
  run: (bench) =>
    withServers(
      [
        startSluice(bench.cores.one, [bench.irisModel, bench.zoo], bench.nodeArgs),
        startFastifyEcho(bench.cores.one),
      ],
      async (...servers) => {
        const [sluice, echo] = servers as [ServerUnderTest, ServerUnderTest];
        const { warmupMs, measureMs, rounds } = bench.effort;
        const findings = [];
        for (const [what, limit, body] of BODIES) {
          for (const server of [sluice, echo]) await cpuPerCall(server, body, warmupMs / 2);
          const pairs = await interleave(
            rounds,
            () => cpuPerCall(sluice, body, measureMs),
            () => cpuPerCall(echo, body, measureMs),
          );
          const [ours, theirs] = [0, 1].map((i) => median(pairs.map((pair) => pair[i as 0 | 1].cpuMs)));
          findings.push(
            finding({
              from: 'http',
              what: `${what}: CPU per request / Fastify echo`,
              unit: 'x',
              bar: { kind: 'at most', limit },
              rounds: pairs.map(([left, right]) => left.cpuMs / right.cpuMs),
              detail: `${us(ours as number)} a call, the model's own work included; echo ${us(theirs as number)}`,
            }),
          );
        }
        return findings;
      },
    ),
};

async function cpuPerCall(
  server: ServerUnderTest,
  body: Body,
  ms: number,
): Promise<{ readonly cpuMs: number }> {
  const port = server.metricsUrl === undefined ? server.port : Number(new URL(server.metricsUrl).port);
  const before = threadTimes(server.pid);
  const { ok, wrong } = await closedHttp(
    { ...body, port, right: ({ status }) => status === 200 },
    CONNECTIONS,
    ms,
  );
  await sleep(20);
  if (wrong > 0 || ok === 0) throw new Error(`${body.path}: ${wrong} of ${ok + wrong} answers are not right`);
  return { cpuMs: totalMs(usedMs(before, threadTimes(server.pid))) / ok };
}

function irisBody(): Body {
  const body = JSON.stringify({
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }],
  });
  return { path: '/v2/models/iris/infer', body };
}

function bytesBody(floats: number): Body {
  const data = Float32Array.from({ length: floats }, (_, i) => i);
  const json = Buffer.from(
    JSON.stringify({
      inputs: [
        {
          name: IDENTITY.input,
          datatype: 'FP32',
          shape: [1, floats],
          parameters: { binary_data_size: data.byteLength },
        },
      ],
      parameters: { binary_data_output: true },
    }),
  );
  return {
    path: `/v2/models/${IDENTITY.name}/infer`,
    body: Buffer.concat([json, Buffer.from(data.buffer)]),
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(json.length),
    },
  };
}
