import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../../gateway/core/error.js';
import {
  bareNames,
  inServingWords,
  type ModelSpec,
  versionWanted,
} from '../../../../gateway/core/tfs/model-spec.js';

const spec = (more: Partial<ModelSpec> = {}): ModelSpec => ({
  name: 'm',
  version: undefined,
  label: '',
  signature: '',
  ...more,
});
const error = (code: ConstructorParameters<typeof GatewayError>[0], details: GatewayError['details']) =>
  new GatewayError(code, 'why', details);

/** What the layers behind say, and what a client of TensorFlow Serving is told. */
const TOLD: [what: string, given: GatewayError, of: ModelSpec, code: string, message: string][] = [
  [
    'an unknown model',
    error('NOT_FOUND', { reason: 'unknown_model', field: 'model_name' }),
    spec(),
    'NOT_FOUND',
    'Servable not found for request: Latest(m)',
  ],
  [
    'an illegal name',
    error('INVALID_ARGUMENT', { reason: 'bad_request', field: 'model_name' }),
    spec(),
    'NOT_FOUND',
    'Servable not found for request: Latest(m)',
  ],
  [
    'a version that still loads',
    error('UNAVAILABLE', { reason: 'unknown_model', retryAfterMs: 7 }),
    spec({ version: 3n }),
    'NOT_FOUND',
    'Servable not found for request: Specific(m, 3) (why)',
  ],
  [
    'a label that waits',
    error('UNAVAILABLE', { reason: 'unknown_model' }),
    spec({ label: 'x' }),
    'NOT_FOUND',
    'Servable not found for request: Latest(m) (why)',
  ],
  [
    'an unknown label',
    error('INVALID_ARGUMENT', { reason: 'bad_request', field: 'model_version' }),
    spec({ label: 'x' }),
    'INVALID_ARGUMENT',
    'Unrecognized servable version label: x',
  ],
  [
    'a label of an unknown model',
    error('NOT_FOUND', { reason: 'unknown_model', field: 'model_name' }),
    spec({ label: 'x' }),
    'INVALID_ARGUMENT',
    'Unrecognized servable version label: x',
  ],
  [
    'a full queue',
    error('UNAVAILABLE', { reason: 'queue_full', retryAfterMs: 7 }),
    spec(),
    'UNAVAILABLE',
    'why',
  ],
  [
    'a wrong shape',
    error('INVALID_ARGUMENT', { reason: 'bad_request', field: 'inputs[0].shape' }),
    spec(),
    'INVALID_ARGUMENT',
    'why',
  ],
];
for (const [what, given, of, code, message] of TOLD) {
  test(`${what}: ${code} ${message}`, () => {
    const told = inServingWords(given, of);
    assert.deepEqual([told.code, told.message], [code, message]);
    assert.equal(told.details.retryAfterMs, given.details.retryAfterMs);
  });
}

test('a spec asks the catalog for a number, a label or nothing; what no version can be is not found', () => {
  assert.deepEqual([spec(), spec({ version: 5n }), spec({ label: 'x' })].map(versionWanted), ['', '5', 'x']);
  for (const version of [0n, -1n, 2n ** 53n, 2n ** 63n - 1n])
    assert.throws(() => versionWanted(spec({ version })), new RegExp(`Specific\\(m, ${version}\\)`));
});

test('names in a message are sorted, bounded and printable', () => {
  assert.equal(bareNames(['b', 'a\n', 'b']), 'a\\x0a,b');
  const many = bareNames(Array.from({ length: 1000 }, (_, i) => `n${i}${'x'.repeat(100)}`));
  assert.ok(many.length < 1200 && many.endsWith('… 1000 names'), many);
});
