/** `sluice golden record` without scores: what a server answers to the rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askRows } from '../../../cli/golden/answers.js';
import { type SluiceClient, SluiceClientError } from '../../../client/client.js';

/** A server whose newest version becomes another one with every call; `X` beyond 90 is refused. */
function restlessServer(asked: (string | undefined)[]): SluiceClient {
  let newest = 1;
  const model = (_: string, { version }: { version?: string }) => ({
    predict: async ({ X }: { X: number }) => {
      asked.push(version);
      if (X > 90) throw new SluiceClientError('INVALID_ARGUMENT', 'too large');
      return { version: version ?? String(newest++), outputs: { Y: { data: [X] } } };
    },
  });
  return { model } as unknown as SluiceClient;
}

const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ line: i + 2, inputs: { X: i } }));

test('all rows are asked of the version that answered the first, and told in their order', async () => {
  const asked: (string | undefined)[] = [];
  const { version, outputs } = await askRows(restlessServer(asked), 'm', undefined, rows(40));
  assert.equal(version, '1');
  assert.deepEqual(asked, [undefined, ...Array.from({ length: 39 }, () => '1')]);
  assert.deepEqual(
    outputs,
    rows(40).map(({ inputs }) => ({ Y: [inputs.X] })),
  );
});

test('a version that is named is asked from the first row on', async () => {
  const asked: (string | undefined)[] = [];
  assert.equal((await askRows(restlessServer(asked), 'm', '7', rows(3))).version, '7');
  assert.deepEqual(asked, ['7', '7', '7']);
});

test('a row that the server refuses is told with its line', async () => {
  await assert.rejects(askRows(restlessServer([]), 'm', undefined, rows(100)), {
    message: 'line 93: INVALID_ARGUMENT: too large',
    exitCode: 1,
  });
});
