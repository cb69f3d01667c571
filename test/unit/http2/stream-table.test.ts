import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Http2Stream } from '../../../gateway/http2/stream.js';
import { StreamTable } from '../../../gateway/http2/stream-table.js';

function stream(id: number): Http2Stream {
  return { id } as Http2Stream;
}

test('whatever comes and goes, in whatever order, the table has what a Map would have', () => {
  // Steps of a multiple of the table's size: all want the same place.
  const step = fc.record({ skip: fc.constantFrom(0, 1, 15, 31, 63), leave: fc.nat(), add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new StreamTable();
      const map = new Map<number, Http2Stream>();
      let last = -1;
      for (const { skip, leave, add } of steps) {
        if (add || map.size === 0) {
          last += 2 + 2 * skip;
          const added = stream(last);
          table.add(added);
          map.set(last, added);
        } else {
          const id = [...map.keys()][leave % map.size] as number;
          table.delete(id);
          table.delete(id);
          map.delete(id);
          assert.equal(table.get(id), undefined);
        }
        assert.equal(table.size, map.size);
        for (const [id, open] of map) assert.equal(table.get(id), open);
      }
      const ids = (streams: Iterable<Http2Stream>): number[] =>
        [...streams].map(({ id }) => id).sort((a, b) => a - b);
      assert.deepEqual(ids(table.values()), ids(map.values()));
    }),
    { numRuns: 200 },
  );
});

test('a thousand at a time, and none again', () => {
  const table = new StreamTable();
  for (let id = 1; id < 2000; id += 2) table.add(stream(id));
  assert.equal(table.size, 1000);
  for (let id = 1; id < 2000; id += 2) assert.equal(table.get(id)?.id, id);
  for (let id = 1; id < 2000; id += 2) table.delete(id);
  assert.deepEqual([table.size, table.values()], [0, []]);
});
