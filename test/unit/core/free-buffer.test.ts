import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeBuffer, worthFreeing } from '../../../gateway/core/free-buffer.js';

test('a large buffer is empty once it was freed, and so is every view on it', () => {
  const bytes = Buffer.allocUnsafeSlow(64 * 1024);
  const view = bytes.subarray(5);
  assert.equal(worthFreeing(bytes), true);
  freeBuffer(bytes);
  assert.equal(bytes.length, 0);
  assert.equal(view.length, 0);
  // To free it twice is nothing.
  freeBuffer(bytes);
});

test('a part of a buffer is left alone: the rest may be somebody else’s', () => {
  const bytes = Buffer.allocUnsafeSlow(64 * 1024);
  const part = bytes.subarray(5);
  assert.equal(worthFreeing(part), false);
  freeBuffer(part);
  assert.equal(bytes.length, 64 * 1024);
});

test('a small buffer is left alone: it may be part of a pool', () => {
  const pooled = Buffer.from('abc');
  assert.equal(worthFreeing(pooled), false);
  freeBuffer(pooled);
  assert.equal(pooled.toString(), 'abc');
});

test('memory comes back at once, without a collection of garbage', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 500; i++) freeBuffer(Buffer.allocUnsafeSlow(2 ** 20).fill(1));
  assert.ok(process.memoryUsage().arrayBuffers < before + 50 * 2 ** 20);
});
