import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Audit } from '../../../gateway/security/audit.js';
import { FakeClock } from '../../support/fake-clock.js';

test('refused calls leave ten lines in a second at most, and the next says how many had none', () => {
  const clock = new FakeClock();
  const lines: object[] = [];
  const note = (fields: object) => void lines.push(fields);
  const audit = new Audit(clock, { debug: note, info: note, warn: note, error: note });
  const line = { token: undefined, path: '/sluice.v1.Admin/Load', peer: '10.0.0.1:1' };
  for (let i = 0; i < 25; i++) audit.refused(line);
  assert.equal(lines.length, 10);
  clock.advance(1000);
  audit.refused(line);
  audit.refused(line);
  assert.deepEqual(lines.slice(10), [{ ...line, untold: 15 }, line]);
});
