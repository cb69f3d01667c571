import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inferTarget } from '../../../../gateway/http/direct/infer-target.js';

test('model and version of an infer request, and its route', () => {
  const route = '/v2/models/:model/infer';
  const withVersion = '/v2/models/:model/versions/:version/infer';
  assert.deepEqual(inferTarget('/v2/models/iris/infer'), { model: 'iris', version: '', route });
  assert.deepEqual(inferTarget('/v2/models/a.b-c_d~1/versions/canary/infer'), {
    model: 'a.b-c_d~1',
    version: 'canary',
    route: withVersion,
  });
});

test('what is another path, or would have to be decoded, is left to the router', () => {
  for (const url of [
    ...['/v2/models/iris/infer/', '/v2/models/iris/infer?x=1', '/v2/models/iris', '/v2/models//infer', ''],
    ...[
      '/v2/models/a%2fb/infer',
      '/v2/models/a/b/infer',
      '/v2/models/iris/versions//infer',
      '//v2/models/a/infer',
    ],
    ...['/V2/models/iris/infer', `/v2/models/${'m'.repeat(257)}/infer`, 'http://host/v2/models/iris/infer'],
    ...['/v2/models/iris/infer\n', '/v2/models/größe/infer'],
  ])
    assert.equal(inferTarget(url), undefined, url);
});
