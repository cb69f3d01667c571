import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, type LoggerOptions } from '../../../gateway/telemetry/logger.js';

function capture(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const output = createLogger({
    isTerminal: false,
    ...options,
    sink: { write: (line) => void lines.push(line), dropped: () => 0, close: () => Promise.resolve() },
  });
  const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { ...output, lines, parsed };
}

test('a line is one JSON object with time, level, fields and message', () => {
  const { logger, lines, parsed } = capture();
  logger.info({ requestId: 'r1', model: 'iris' }, 'served');
  assert.ok(lines[0]?.endsWith('}\n'));
  const [line] = parsed();
  assert.deepEqual(
    { ...line, time: undefined },
    {
      level: 'info',
      time: undefined,
      requestId: 'r1',
      model: 'iris',
      msg: 'served',
    },
  );
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT.*Z$/);
});

test('lines below the level are not written, and silent writes none', () => {
  const warn = capture({ level: 'warn' });
  warn.logger.debug({}, 'd');
  warn.logger.info({}, 'i');
  warn.logger.warn({}, 'w');
  warn.logger.error({}, 'e');
  assert.deepEqual(
    warn.parsed().map((line) => line['msg']),
    ['w', 'e'],
  );
  const silent = capture({ level: 'silent' });
  silent.logger.error({}, 'e');
  assert.deepEqual(silent.lines, []);
});

test('auto is pretty on a terminal and JSON elsewhere; each can be asked for', () => {
  const isPretty = (options: LoggerOptions): boolean => {
    const { logger, lines } = capture(options);
    logger.info({ model: 'iris' }, 'served');
    assert.match(lines[0] ?? '', /served/);
    return !lines[0]?.startsWith('{');
  };
  assert.equal(isPretty({ format: 'auto', isTerminal: true }), true);
  assert.equal(isPretty({ format: 'auto', isTerminal: false }), false);
  assert.equal(isPretty({ format: 'json', isTerminal: true }), false);
  assert.equal(isPretty({ format: 'pretty', isTerminal: false }), true);
});

test('on a terminal, client text cannot move the cursor: it stays escaped', () => {
  const { logger, lines } = capture({ format: 'pretty' });
  logger.info({ name: '\u001b[2Jx\nfake line' }, 'served');
  assert.ok(!lines[0]?.includes('\u001b[2J'), lines[0]);
  assert.equal(lines.join('').trim().split('\n').length, 1);
});

test('secrets are redacted at any depth, whatever their case', () => {
  const { logger, lines } = capture();
  logger.info({ headers: { Authorization: 'Bearer abc', cookie: 'abc' }, a: [{ token: 'abc' }] }, 'm');
  assert.ok(!lines[0]?.includes('abc'), lines[0]);
  assert.equal(lines[0]?.match(/\[redacted\]/g)?.length, 3);
});

test('no line is long, deep or circular, whatever the fields', () => {
  const circular: Record<string, unknown> = { name: 'x' };
  circular['self'] = circular;
  const deep = JSON.parse(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`) as object;
  const hostile: readonly object[] = [
    { text: 'x'.repeat(1e6) },
    { list: Array.from({ length: 1e5 }, (_, i) => i) },
    Object.fromEntries(Array.from({ length: 1e4 }, (_, i) => [`k${i}`, i])),
    { [`k${'x'.repeat(1e5)}`]: 1 },
    { data: new Uint8Array(1e6) },
    { big: 10n ** 30n },
    { err: new Error('x'.repeat(1e6), { cause: new Error('y'.repeat(1e6)) }) },
    circular,
    deep,
  ];
  const { logger, lines, dropped } = capture();
  for (const fields of hostile) logger.info(fields, 'm'.repeat(1e5));
  assert.equal(lines.length, hostile.length);
  assert.equal(dropped(), 0);
  for (const line of lines) assert.ok(line.length < 32_000, `${line.length}: ${line.slice(0, 200)}`);
});

test('an error is told by type, code, message, stack and cause', () => {
  const { logger, parsed } = capture();
  const cause = Object.assign(new Error('inner'), { code: 'ENOENT' });
  logger.error({ err: new TypeError('outer', { cause }) }, 'failed');
  const err = parsed()[0]?.['err'] as Record<string, unknown>;
  assert.equal(err['type'], 'TypeError');
  assert.equal(err['message'], 'outer');
  assert.match(String(err['stack']), /logger\.test/);
  assert.equal((err['cause'] as Record<string, unknown>)['code'], 'ENOENT');
});

test('a field that throws costs its line and nothing else', () => {
  const { logger, lines, dropped } = capture();
  const trap = {
    get x(): never {
      throw new Error('trap');
    },
  };
  logger.info(trap, 'm');
  assert.equal(dropped(), 1);
  logger.info({}, 'next');
  assert.equal(lines.length, 1);
});
