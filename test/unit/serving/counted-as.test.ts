import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countedAs } from '../../../gateway/serving/counted-as.js';

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
  for (const [caller, peer, wanted] of rows)
    assert.equal(countedAs({ ...(caller !== undefined && { caller }), peer }), wanted, `${caller} ${peer}`);
});
