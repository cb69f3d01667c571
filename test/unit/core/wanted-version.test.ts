import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wantedVersion } from '../../../gateway/core/wanted-version.js';

const labelled = (label?: string) => new Map(label === undefined ? [] : [['sluice-label', label]]);

test('a label comes in place of the version, or in the metadata', () => {
  assert.equal(wantedVersion('', labelled()), '');
  assert.equal(wantedVersion('3', labelled()), '3');
  assert.equal(wantedVersion('canary', labelled()), 'canary');
  assert.equal(wantedVersion('', labelled('canary')), 'canary');
  assert.equal(wantedVersion('canary', labelled('canary')), 'canary');
});

test('two that differ are refused, and a version is no label', () => {
  const code = 'INVALID_ARGUMENT';
  assert.throws(() => wantedVersion('3', labelled('canary')), {
    code,
    message: /no version beside it, got '3'/,
  });
  assert.throws(() => wantedVersion('', labelled('3')), { code, message: /begins with a letter/ });
});
