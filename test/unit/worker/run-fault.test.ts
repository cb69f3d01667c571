import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInputFault } from '../../../worker/run-fault.js';

test('the runtime’s words for an index or a divisor that an input brought are told from those for a broken model', () => {
  const head =
    "the model failed: Non-zero status code returned while running X node. Name:'' Status Message: ";
  for (const words of [
    'indices element out of data bounds, idx=9 must be within the inclusive range [-2,1]',
    'GatherElements op: Out of range value in index tensor',
    'invalid index found, index = 9',
    'invalid indice found, indice = 9',
    'element_wise_ops.cc:692 Compute Integer division by zero',
    'element_wise_ops.cc:2256 operator() Integer modulo by zero',
  ])
    assert.ok(isInputFault(head + words), words);
  for (const words of ['Failed to allocate memory', 'Non tensor type is temporarily not supported.', ''])
    assert.ok(!isInputFault(head + words), words);
});
