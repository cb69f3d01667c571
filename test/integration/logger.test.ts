import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const LOGGER = new URL('../../gateway/telemetry/logger.js', import.meta.url).href;

/** Logs 5 MB in 50 steps, then says on standard error how many lines were dropped and how late its loop ever was. */
const FLOOD = `
import { createLogger } from '${LOGGER}';
const { logger, dropped, close } = createLogger({ format: 'json' });
let step = 0, late = 0, last = performance.now();
const timer = setInterval(async () => {
  late = Math.max(late, performance.now() - last - 10);
  last = performance.now();
  for (let i = 0; i < 200; i++) logger.info({ step, i, pad: 'x'.repeat(400) }, 'line');
  if (++step < 50) return;
  clearInterval(timer);
  process.stderr.write(JSON.stringify({ dropped: dropped(), late }));
  await close();
  process.exit(0);
}, 10);
`;

/** Runs the flood with a reader of this kind; fails when it does not end. */
async function flood(
  reader: 'reads' | 'stops' | 'leaves',
): Promise<{ dropped: number; late: number; lines: number }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', FLOOD], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const hung = setTimeout(() => child.kill('SIGKILL'), 20_000);
  let report = '';
  let lines = 0;
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    report += chunk;
  });
  if (reader === 'leaves') child.stdout.destroy();
  if (reader === 'reads') {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      lines += chunk.split('\n').length - 1;
    });
  }
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(hung);
  if (reader === 'reads' && !child.stdout.closed) await once(child.stdout, 'close');
  child.stdout.destroy();
  assert.equal(code, 0, report);
  return { ...(JSON.parse(report) as { dropped: number; late: number }), lines };
}

test('a reader that keeps up gets every line', async () => {
  assert.deepEqual({ ...(await flood('reads')), late: 0 }, { dropped: 0, late: 0, lines: 10_000 });
});

test('H109 a reader that went away costs lines, which are counted, and the process goes on and ends', async () => {
  assert.ok((await flood('leaves')).dropped > 5000);
});

test('H109 a reader that has stopped reading costs lines, and neither blocks the process nor its end', async () => {
  const { dropped, late } = await flood('stops');
  assert.ok(dropped > 1000, String(dropped));
  assert.ok(late < 2000, String(late));
});
