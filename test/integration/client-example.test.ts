import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli } from '../support/run-cli.js';
import { repositoryRoot, startServerProcess } from '../support/server-process.js';

test('examples/node agrees with scikit-learn on all 150 rows, and fails where it gets no answer', async () => {
  const example = join(repositoryRoot, 'examples/node/client.js');
  const server = await startServerProcess({ args: ['--model-repository', 'examples'] });
  try {
    const address = `localhost:${server.grpcPort}`;
    const { code, stdout, stderr } = await runCli([address], { main: example });
    assert.equal(code, 0, stdout + stderr);
    assert.match(
      stdout,
      /version 2, 150 rows in one request: agrees .*\nversion 2, 150 rows one by one: agrees/,
    );
    const missing = await runCli([address, '9'], { main: example });
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /unknown model: 'iris' version 9/);
  } finally {
    await server.stop();
  }
});
