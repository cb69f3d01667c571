import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HeapItem, IndexedHeap } from '../../../gateway/batching/indexed-heap.js';

interface Item extends HeapItem {
  rank: number;
}

const byRank = (a: Item, b: Item): boolean => a.rank < b.rank;

test('items come out in order whatever was added, removed from the middle or reordered', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), rank: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }),
    fc.record({
      kind: fc.constant('reorder' as const),
      pick: fc.nat(),
      rank: fc.integer({ min: 0, max: 50 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const heap = new IndexedHeap<Item>(byRank);
      const model: Item[] = [];
      for (const each of steps) {
        if (each.kind === 'add') {
          const item = { heapIndex: -1, rank: each.rank };
          heap.add(item);
          model.push(item);
        } else if (model.length > 0) {
          const item = model[each.pick % model.length] as Item;
          if (each.kind === 'remove') {
            heap.remove(item);
            model.splice(model.indexOf(item), 1);
            assert.equal(item.heapIndex, -1);
          } else {
            item.rank = each.rank;
            heap.reorder(item);
          }
        }
        assert.equal(heap.size, model.length);
        assert.equal(heap.first?.rank, model.map((item) => item.rank).sort((a, b) => a - b)[0]);
      }
      const drained: number[] = [];
      for (let item = heap.first; item !== undefined; item = heap.first) {
        drained.push(item.rank);
        heap.remove(item);
      }
      assert.deepEqual(
        drained,
        model.map((item) => item.rank).sort((a, b) => a - b),
      );
    }),
  );
});

test('removing what is not in the heap changes nothing', () => {
  const heap = new IndexedHeap<Item>(byRank);
  const inside = { heapIndex: -1, rank: 1 };
  heap.add(inside);
  heap.remove({ heapIndex: -1, rank: 1 });
  heap.remove({ heapIndex: 0, rank: 1 });
  assert.deepEqual(heap.items(), [inside]);
});
