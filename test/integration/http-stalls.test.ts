/** Bodies that are made to take long: how long others wait meanwhile. What grows faster than the body does would take minutes. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../support/http-client.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';

const BYTES = 500_000;
/** On a machine that is busy with other tests; quiet it is a tenth. */
const MOST_MS = 3000;

const fill = (unit: string): string => unit.repeat(Math.floor(BYTES / unit.length));
const list = (unit: string): string => fill(`${unit},`).slice(0, -1);
const members = (name: string): string => Array.from({ length: 9999 }, (_, i) => `"${name}${i}":1`).join();
const tensor = (data: string, datatype = 'FP32'): string =>
  `{"inputs":[{"name":"X","datatype":"${datatype}","shape":[4],"data":[${data}]}]}`;

const INFER = '/v2/models/iris/infer';
const PREDICT = '/predict/iris';
const V1 = '/v1/models/iris';

const BODIES: readonly (readonly [what: string, path: string, body: string, type?: string])[] = [
  ['numbers', INFER, tensor(list('1.5'))],
  ['a number', INFER, tensor(fill('1'))],
  ['lists in lists', INFER, tensor(list('[1]'))],
  ['open brackets', INFER, tensor(fill('['))],
  ['escapes', INFER, tensor(`"${fill('\\u0041')}"`, 'BYTES')],
  ['lines, and then no JSON', INFER, `${fill('\n')}x`],
  ['members', INFER, `{${members('k')}}`],
  ['names that are nearly right', PREDICT, `{${members('sepal lengt')}}`],
  [
    'records of them',
    PREDICT,
    `[${Array(4)
      .fill(`{${members('s')}}`)
      .join()}]`,
  ],
  ['a long name', PREDICT, `{"${fill('sepal ')}":1}`],
  ['nested rows', PREDICT, `[${list('['.repeat(90) + ']'.repeat(90))}]`],
  ['long whole numbers', PREDICT, `[${list('12345678901234567890')}]`],
  ['CSV of one line', PREDICT, list('1'), 'text/csv'],
  ['CSV of empty lines', PREDICT, fill('\n'), 'text/csv'],
  ['CSV of quotes', PREDICT, `"${fill('""')}`, 'text/csv'],
  ['examples', `${V1}:classify`, `{"examples":[${list('{"X":[1,2,3,4]}')}]}`],
  ['inputs by name', `${V1}:predict`, `{"inputs":{${members('k')}}}`],
  ['bytes', `${V1}:predict`, `{"instances":[${list('{"b64":"YQ=="}')}]}`],
];

test('C60 no body of half a megabyte keeps others waiting for long, and each is refused', async (t) => {
  const { httpPort } = await useGateway(t, { modelRepository: [EXAMPLES], workers: { count: 1 } });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const told: string[] = [];
  for (const [what, path, body, type = 'application/json'] of BODIES) {
    let slowest = 0;
    let reading = true;
    const others = (async () => {
      while (reading) {
        const sentAt = performance.now();
        assert.equal((await ask(httpPort, '/livez', undefined, { agent })).status, 200);
        slowest = Math.max(slowest, performance.now() - sentAt);
        await sleep(1);
      }
    })();
    const { status } = await ask(httpPort, path, body, { headers: { 'content-type': type } });
    reading = false;
    await others;
    told.push(`${what} ${slowest.toFixed(0)}`);
    assert.ok(status === 400, `${what}: ${status}`);
    assert.ok(slowest < MOST_MS, `${what}: others wait ${slowest} ms`);
  }
  t.diagnostic(`ms that others wait at most: ${told.join(', ')}`);
});
