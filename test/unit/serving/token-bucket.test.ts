import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket } from '../../../gateway/serving/token-bucket.js';

const rate = { perSec: 100, burst: 20 };

test('a bucket is full at first, gives what it has, and says when there will be enough', () => {
  const bucket = new TokenBucket(rate, 1000);
  assert.equal(bucket.take(15, 1000), 0);
  assert.equal(bucket.level(1000), 5);
  assert.equal(bucket.take(6, 1000), 10, 'one is missing, at 100 a second');
  assert.equal(bucket.level(1000), 5, 'nothing was taken');
  assert.equal(bucket.take(6, 1010), 0);
  assert.equal(bucket.level(1010), 0);
});

test('whoever comes back when told to finds enough, whatever the fractions', () => {
  for (const perSec of [1, 3, 7, 49, 1001, 99_999_999]) {
    const bucket = new TokenBucket({ perSec, burst: perSec }, 0.1);
    let now = 0.1;
    assert.equal(bucket.take(perSec, now), 0);
    for (const amount of [1, perSec, 1, perSec]) {
      const waitMs = bucket.take(amount, now);
      assert.ok(waitMs > 0);
      now += waitMs;
      assert.equal(bucket.take(amount, now), 0, `${amount} at ${perSec}/s`);
    }
  }
});

test('it fills up to its limit and no further, and a time that goes back takes nothing away', () => {
  const bucket = new TokenBucket(rate, 0);
  bucket.take(20, 0);
  assert.equal(bucket.level(100), 10);
  assert.equal(bucket.isFull(199), false);
  assert.equal(bucket.isFull(200), true);
  assert.equal(bucket.level(1e9), 20);
  bucket.take(5, 1000);
  assert.equal(bucket.level(500), 15);
  bucket.take(5, 500);
  assert.equal(bucket.level(1000), 10, 'not filled twice for the same half second');
});

test('what is given back is there again, up to the limit', () => {
  const bucket = new TokenBucket(rate, 0);
  bucket.take(20, 0);
  bucket.giveBack(8, 0);
  assert.equal(bucket.level(0), 8);
  bucket.giveBack(80, 0);
  assert.equal(bucket.level(0), 20);
});
