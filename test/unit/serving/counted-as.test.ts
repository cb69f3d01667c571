import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallerNames } from '../../../gateway/serving/counted-as.js';

test('a call is counted as whom its metadata names, else by certificate or address, whatever the port', () => {
  const rows: [caller: string | undefined, peer: string | undefined, wanted: string][] = [
    ['shop', '10.0.0.7:1234', 'shop'],
    ['', '10.0.0.7:1234', 'address 10.0.0.7'],
    [undefined, '[fe80::1]:1234', 'address [fe80::1]'],
    ['', '[fe80::1]', 'address [fe80::1]'],
    ['', 'unix', 'address unix'],
    ['', "10.0.0.7:1234 as 'web: front'", "certificate 'web: front'"],
    ['', '', ''],
    ['', undefined, ''],
  ];
  const names = new CallerNames();
  for (let again = 0; again < 2; again++)
    for (const [caller, peer, wanted] of rows)
      assert.equal(names.of({ ...(caller !== undefined && { caller }), peer }), wanted, `${caller} ${peer}`);
  // More connections than are kept.
  for (let i = 0; i < 5000; i++)
    assert.equal(names.of({ peer: `10.0.${i >> 8}.1:${i}` }), `address 10.0.${i >> 8}.1`);
});
