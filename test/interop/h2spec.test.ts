/** h2spec (146 cases of RFC 9113 and 7541) against gateway/http2, with requests that are answered when they are complete. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainHttp2 } from '../support/plain-http2.js';
import { findTool, runTool } from './tools.js';

test('every case of h2spec passes', async (t) => {
  const h2spec = findTool(t, 'h2spec');
  if (h2spec === undefined) return;
  const { server, port } = await plainHttp2();
  t.after(() => server.close());
  const { stdout } = await runTool(h2spec, ['-h', '127.0.0.1', '-p', String(port), '-o', '5']);
  const [, tests, passed] = /(\d+) tests, (\d+) passed, \d+ skipped, 0 failed/.exec(stdout) ?? [];
  assert.ok(Number(tests) >= 145, stdout.slice(-3000));
  assert.equal(passed, tests, stdout.slice(-3000));
});
