import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzDecoder } from '../../fuzz/oip-decoder.js';

test('B29 two seconds of mutated requests: we refuse and read what @bufbuild/protobuf does', (t) => {
  // Another seed each time, printed: a disagreement names it, and `npm run fuzz -- --seed` plays it again.
  const seed = Date.now() % 2 ** 31;
  const report = fuzzDecoder({ seed, seconds: 2 });
  t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`);
  const { read, refused, meaningless } = report;
  assert.ok(read > 20 && refused > 100 && meaningless > 20, 'too one-sided to say anything');
});
